using System.Globalization;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Runs;

internal static class CommandLine
{
    public static int Run(string[] args)
    {
        if (Value(args, "--replay") is { } replayed)
        {
            var text = args.Contains("--trace") ? Console.Out : null;
            var one = Runs.Run.Of(
                ulong.Parse(replayed, CultureInfo.InvariantCulture),
                int.Parse(Value(args, "--steps") ?? "5000", CultureInfo.InvariantCulture),
                null,
                text
            );
            Console.WriteLine($"seed {one.Seed} steps {one.Steps} trace {one.TraceHash:x16} {one.Violation ?? "ok"}");
            return one.Violation is null ? 0 : 1;
        }
        if (Value(args, "--planted") is { } planted)
        {
            var bugs = Planted.PlantedBugs.All;
            if (planted == "list")
            {
                bugs.ToList().ForEach(bug => Console.WriteLine(bug.Name));
                return 0;
            }
            return PlantedRun.FindAll(bugs.Where(bug => planted == "all" || bug.Name == planted), 5000, Console.Out)
                ? 0
                : 1;
        }
        var seeds = ulong.Parse(Value(args, "--seeds") ?? "200", CultureInfo.InvariantCulture);
        var from = ulong.Parse(Value(args, "--from") ?? "1", CultureInfo.InvariantCulture);
        var steps = int.Parse(Value(args, "--steps") ?? "5000", CultureInfo.InvariantCulture);
        var tally = new Tally();
        long taken = 0;
        var failed = 0;
        var began = System.Diagnostics.Stopwatch.GetTimestamp();
        for (var seed = from; seed < from + seeds; seed++)
        {
            var result = Runs.Run.Of(seed, steps);
            tally.Add(result.Tally);
            taken += result.Steps;
            if (result.Violation is not null)
            {
                failed++;
                Console.WriteLine(
                    $"VIOLATION seed {seed}: {result.Violation[..Math.Min(600, result.Violation.Length)]}"
                );
            }
        }
        var seconds = System.Diagnostics.Stopwatch.GetElapsedTime(began).TotalSeconds;
        foreach (var happening in Enum.GetValues<Happening>())
        {
            Console.WriteLine($"{happening, -30} {tally[happening], 12}");
        }
        Console.WriteLine($"{seeds} seeds, {taken} steps, {taken / seconds:F0} steps/s, {failed} violations");
        return failed == 0 ? 0 : 1;
    }

    private static string? Value(string[] args, string name)
    {
        var at = Array.IndexOf(args, name);
        return at >= 0 && at + 1 < args.Length ? args[at + 1] : null;
    }
}
