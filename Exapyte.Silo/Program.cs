using Exapyte.Silo;

Composition.PrepareProcess();
int exitCode = await SiloProgram.RunAsync(args, Console.Out, Console.Error);

// Not a return: a start that failed may leave a thread behind that would keep the process.
Environment.Exit(exitCode);
