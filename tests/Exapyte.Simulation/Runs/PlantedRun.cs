using Exapyte.Simulation.Planted;

namespace Exapyte.Simulation.Runs;

/// <summary>Looks for a planted bug in one seed after the other.</summary>
internal static class PlantedRun
{
    private const ulong SeedsMax = 400;

    /// <summary>The first seed that finds the bug, and as what; null if none does.</summary>
    public static RunResult? Find(PlantedBug bug, int steps, ulong from = 1, ulong seedsMax = SeedsMax)
    {
        for (var seed = from; seed < from + seedsMax; seed++)
        {
            var result = Run.Of(seed, steps, bug.Plant());
            if (result.Violation is not null)
            {
                return result;
            }
        }
        return null;
    }

    /// <summary>Runs so many seeds with each of the bugs and prints in how many it was found, and says whether in any.</summary>
    public static bool CountAll(IEnumerable<PlantedBug> bugs, int steps, ulong from, ulong seeds, TextWriter output)
    {
        var all = true;
        foreach (var bug in bugs)
        {
            var found = 0;
            RunResult? first = null;
            for (var seed = from; seed < from + seeds; seed++)
            {
                var result = Run.Of(seed, steps, bug.Plant());
                first ??= result.Violation is null ? null : result;
                found += result.Violation is null ? 0 : 1;
            }
            all &= found > 0;
            var rule = first?.Violation?.Split(':')[0];
            output.WriteLine($"{bug.Name, -34} {found, 5} of {seeds} seeds, first {first?.Seed} {rule}");
        }
        return all;
    }

    /// <summary>Looks for some of the bugs, prints what came of it, and says whether all were found.</summary>
    public static bool FindAll(IEnumerable<PlantedBug> bugs, int steps, TextWriter output)
    {
        var all = true;
        foreach (var bug in bugs)
        {
            var found = Find(bug, steps);
            all &= found is not null;
            var how = found?.Violation ?? $"NOT FOUND in {SeedsMax} seeds";
            output.WriteLine(
                $"{bug.Name, -34} {(found is null ? "" : $"seed {found.Seed}"), -9} {how[..Math.Min(how.Length, 110)]}"
            );
        }
        return all;
    }
}
