using Exapyte.Simulation.Runs;

return CommandLine.Run(args);
