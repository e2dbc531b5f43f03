using System.Diagnostics;
using System.Globalization;

namespace Exapyte.Benchmarks;

/// <summary>One way to write, and what each of its rounds cost.</summary>
/// <param name="name">Its name in the table.</param>
/// <param name="entries">Entries that a batch holds.</param>
/// <param name="batches">Batches in a round.</param>
/// <param name="writeBatch">Writes one.</param>
/// <param name="settle">
/// Waits for what goes on in the background, once the clock has stopped: its processor time belongs to the price.
/// </param>
/// <param name="baseline">What it is compared with.</param>
internal sealed class Contender(
    string name,
    int entries,
    int batches,
    Action writeBatch,
    Action settle,
    Contender? baseline = null
)
{
    private readonly List<Sample> rounds = [];

    /// <summary>Runs a round.</summary>
    public void MeasureRound()
    {
        var before = Environment.CpuUsage;
        var started = Stopwatch.GetTimestamp();
        for (var i = 0; i < batches; i++)
        {
            writeBatch();
        }
        var elapsed = Stopwatch.GetElapsedTime(started);
        settle();
        var after = Environment.CpuUsage;
        rounds.Add(
            new(
                elapsed.TotalMicroseconds / batches,
                (after.TotalTime - before.TotalTime).TotalMicroseconds / batches / entries,
                (after.PrivilegedTime - before.PrivilegedTime).TotalMicroseconds / batches / entries
            )
        );
    }

    /// <summary>The row of a table in Markdown.</summary>
    public override string ToString()
    {
        var batch = Median(round => round.Elapsed);
        var ratio = baseline is null ? "" : Text(batch / baseline.Median(round => round.Elapsed));
        var each = string.Join(" · ", rounds.Select(round => Text(round.Processor)));
        return $"| {name} | {Text(batch)} | {ratio} | {Text(batch / entries)} | "
            + $"{Text(Median(round => round.Processor))} | {Text(Median(round => round.Kernel))} | {each} |";
    }

    private double Median(Func<Sample, double> of) => rounds.Select(of).Order().ElementAt(rounds.Count / 2);

    private static string Text(double value) => value.ToString("F2", CultureInfo.InvariantCulture);

    private readonly record struct Sample(double Elapsed, double Processor, double Kernel);
}
