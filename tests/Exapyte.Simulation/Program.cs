using Exapyte.Simulation.Runs;

return new CommandLine(args, Console.Out).Run();
