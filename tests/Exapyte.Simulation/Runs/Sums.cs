using System.Text.Json;
using Exapyte.Simulation.Clusters;

namespace Exapyte.Simulation.Runs;

/// <summary>A violation, and the seed that shows it again.</summary>
internal sealed record Finding(ulong Seed, string What);

/// <summary>What many runs add up to. Kept in a file between sittings, it goes on where it stopped.</summary>
internal sealed record Sums
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Events of each run before the healing.</summary>
    public int StepsPerSeed { get; init; }

    /// <summary>The first seed of all.</summary>
    public ulong From { get; init; }

    /// <summary>The seed to go on with.</summary>
    public ulong Next { get; set; }

    public long Steps { get; set; }

    public double Seconds { get; set; }

    /// <summary>Keys whose histories the checker gave up on.</summary>
    public long UndecidedKeys { get; set; }

    public List<Finding> Findings { get; init; } = [];

    public SortedDictionary<string, long> Counts { get; init; } = new(StringComparer.Ordinal);

    public ulong Seeds => Next - From;

    public void Add(RunResult result)
    {
        Next = result.Seed + 1;
        Steps += result.Steps;
        UndecidedKeys += result.UndecidedKeys;
        foreach (var happening in Enum.GetValues<Happening>())
        {
            var name = happening.ToString();
            Counts[name] = Counts.GetValueOrDefault(name) + result.Tally[happening];
        }
        if (result.Violation is { } violation)
        {
            Findings.Add(new(result.Seed, violation));
        }
    }

    /// <summary>Faults and rare events that never came up.</summary>
    public List<string> Missing() => [.. Counts.Where(count => count.Value == 0).Select(count => count.Key)];

    public static Sums? Load(string file) =>
        File.Exists(file) ? JsonSerializer.Deserialize<Sums>(File.ReadAllText(file)) : null;

    public void Save(string file)
    {
        // Written beside and moved over: a sitting that is cut off leaves the last good one.
        File.WriteAllText($"{file}.new", JsonSerializer.Serialize(this, Indented));
        File.Move($"{file}.new", file, overwrite: true);
    }

    public void Print(TextWriter output)
    {
        foreach (var happening in Enum.GetValues<Happening>())
        {
            output.WriteLine($"{happening, -28} {Counts.GetValueOrDefault(happening.ToString()), 14:N0}");
        }
        output.WriteLine(
            $"{Seeds:N0} seeds from {From}, {Steps:N0} steps in {Seconds:N1} s, {Steps / Math.Max(Seconds, 0.001):N0} steps/s, "
                + $"{UndecidedKeys} undecided keys, {Findings.Count} violations"
        );
        foreach (var finding in Findings)
        {
            output.WriteLine($"VIOLATION seed {finding.Seed}: {finding.What[..Math.Min(finding.What.Length, 1_000)]}");
        }
    }

    /// <summary>The sums as a page that can be kept.</summary>
    public string ToMarkdown()
    {
        List<string> lines =
        [
            "# Simulated raft groups",
            "",
            $"{Seeds:N0} seeds from {From}, {StepsPerSeed:N0} steps of chaos each and the healing after it: {Steps:N0} steps in "
                + $"{Seconds:N0} s ({Steps / Math.Max(Seconds, 0.001):N0} steps/s, one core). Violations: {Findings.Count}. "
                + $"Histories that the checker gave up on: {UndecidedKeys}.",
            "",
            $"Any run again: `dotnet run -c Release --project tests/Exapyte.Simulation -- --replay SEED --steps {StepsPerSeed}`",
            "",
            "| what happened | how often |",
            "|---|---:|",
        ];
        foreach (var happening in Enum.GetValues<Happening>())
        {
            lines.Add($"| {happening} | {Counts.GetValueOrDefault(happening.ToString()):N0} |");
        }
        foreach (var finding in Findings)
        {
            lines.Add("");
            lines.Add($"Seed {finding.Seed}: {finding.What}");
        }
        return string.Join('\n', lines) + "\n";
    }
}
