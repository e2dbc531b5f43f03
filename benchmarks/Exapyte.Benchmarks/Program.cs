using BenchmarkDotNet.Running;
using Exapyte.Benchmarks;

BenchmarkSwitcher.FromAssembly(typeof(LogAndApply).Assembly).Run(args);
