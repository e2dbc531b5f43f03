using BenchmarkDotNet.Running;
using Exapyte.Benchmarks;

// "cost [scale]" measures elapsed and processor time in alternation; everything else is BenchmarkDotNet's.
if (args is ["cost", ..])
{
    WriteCost.Run(Console.Out, args.Length > 1 ? double.Parse(args[1]) : 1);
    return;
}
BenchmarkSwitcher.FromAssembly(typeof(LogAndApply).Assembly).Run(args);
