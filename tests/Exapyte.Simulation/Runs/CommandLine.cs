using System.Diagnostics;
using System.Globalization;
using Exapyte.Simulation.Planted;

namespace Exapyte.Simulation.Runs;

/// <summary>The simulator as a program. Exit code 0: as it should be; 1: something was found; 2: it was called wrongly.</summary>
internal sealed class CommandLine(IReadOnlyList<string> arguments, TextWriter output)
{
    private const int StepsDefault = 5_000;
    private const ulong SeedsDefault = 200;

    /// <summary>From so many seeds on every fault and rare event must have come up.</summary>
    private const ulong SeedsThatShowAll = 200;

    private const string Usage = """
        --seeds N [--from SEED] [--steps N]      so many runs, and what happened in them
        --replay SEED [--trace] [--steps N]      one run again: the same trace each time
        --planted list | NAME | all              planted bugs: exit code 0 only if all are found
        --planted NAME | all --seeds N           the same, and in how many of so many seeds
        --resume FILE --minutes N                goes on with a long run, whose sums are kept in the file
        --record FILE                            with --seeds or --resume: writes the sums as a page of markdown
        """;

    private int Steps => (int)Number("--steps", StepsDefault);

    public int Run()
    {
        if (arguments.Any(argument => argument is "--help" or "-h"))
        {
            output.WriteLine(Usage);
            return 0;
        }
        try
        {
            if (Value("--replay") is not null)
            {
                return Replay(Number("--replay", 0));
            }
            return Value("--planted") is { } planted ? Plant(planted) : RunMany();
        }
        catch (FormatException wrong)
        {
            output.WriteLine(wrong.Message);
            output.WriteLine(Usage);
            return 2;
        }
    }

    private int Replay(ulong seed)
    {
        var flaw = PlantedBugs.All.FirstOrDefault(bug => bug.Name == Value("--with"))?.Plant();
        var result = Runs.Run.Of(seed, Steps, flaw, arguments.Contains("--trace") ? output : null);
        output.WriteLine(
            $"seed {seed}: {result.Steps:N0} steps, trace {result.TraceHash:x16}, {result.Violation ?? "ok"}"
        );
        return result.Violation is null ? 0 : 1;
    }

    private int Plant(string name)
    {
        if (name == "list")
        {
            foreach (var bug in PlantedBugs.All)
            {
                output.WriteLine(bug.Name);
            }
            return 0;
        }
        var bugs = PlantedBugs.All.Where(bug => name == "all" || bug.Name == name).ToList();
        if (bugs.Count == 0)
        {
            throw new FormatException($"There is no planted bug '{name}'.");
        }
        var found = Value("--seeds") is null
            ? PlantedRun.FindAll(bugs, Steps, output)
            : PlantedRun.CountAll(bugs, Steps, Number("--from", 1), Number("--seeds", SeedsDefault), output);
        return found ? 0 : 1;
    }

    private int RunMany()
    {
        var file = Value("--resume");
        var from = Number("--from", 1);
        var sums =
            (file is null ? null : Sums.Load(file))
            ?? new Sums
            {
                From = from,
                Next = from,
                StepsPerSeed = Steps,
            };
        var minutes = (double)Number("--minutes", 0);
        var end = minutes > 0 ? ulong.MaxValue : sums.Next + Number("--seeds", SeedsDefault);
        var before = sums.Seconds;
        var began = Stopwatch.GetTimestamp();
        while (sums.Next < end && (minutes == 0 || Stopwatch.GetElapsedTime(began).TotalMinutes < minutes))
        {
            var result = Runs.Run.Of(sums.Next, sums.StepsPerSeed);
            sums.Add(result);
            sums.Seconds = before + Stopwatch.GetElapsedTime(began).TotalSeconds;
            if (result.Violation is not null)
            {
                output.WriteLine($"seed {result.Seed} has broken a rule");
            }
            if (file is not null && sums.Next % 100 == 0)
            {
                sums.Save(file);
            }
        }
        return Conclude(sums, file);
    }

    private int Conclude(Sums sums, string? file)
    {
        if (file is not null)
        {
            sums.Save(file);
        }
        sums.Print(output);
        if (Value("--record") is { } record)
        {
            File.WriteAllText(record, sums.ToMarkdown());
        }
        var missing = sums.Seeds >= SeedsThatShowAll ? sums.Missing() : [];
        if (missing.Count > 0)
        {
            output.WriteLine($"never came up: {string.Join(", ", missing)}");
        }
        return sums.Findings.Count == 0 && missing.Count == 0 ? 0 : 1;
    }

    private string? Value(string name)
    {
        for (var i = 0; i < arguments.Count; i++)
        {
            if (arguments[i] == name)
            {
                return i + 1 < arguments.Count ? arguments[i + 1] : throw new FormatException($"{name} needs a value.");
            }
        }
        return null;
    }

    private ulong Number(string name, ulong otherwise) =>
        Value(name) is not { } text ? otherwise
        : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
        : throw new FormatException($"{name} needs a number, not '{text}'.");
}
