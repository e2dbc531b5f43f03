using System.Globalization;

namespace Exapyte.Benchmarks;

/// <summary>
/// Elapsed and processor time of a durable write below consensus, contenders in alternation so that a machine or a disk
/// that slows down in between slows all of them. Processor time is that of all threads of the process: the caller's, the
/// log's writer, RocksDB's flushes and compactions. BenchmarkDotNet reports elapsed time only, one contender after the other.
/// </summary>
internal sealed class WriteCost : IDisposable
{
    private const int Rounds = 7;

    /// <summary>Entries of 256 bytes to a batch.</summary>
    private static readonly int[] BatchSizes = [1, 8, 64];

    /// <summary>
    /// Entries that a round applies to the store: every key of it once over, so that each round pays for its share of
    /// compaction.
    /// </summary>
    private const int AppliedEntries = 1_000_000;

    private const int SyncsARound = 4_000;
    private const int InFlight = 64;

    private readonly BenchmarkFolder folder = new();
    private readonly List<IDisposable> open = [];
    private readonly List<Contender> contenders = [];

    private WriteCost(double scale)
    {
        var log = Own(new WarmLog(folder.Path));
        var store = Own(new WarmStore(folder.Path));
        var syncs = (int)Math.Max(1, SyncsARound * scale);
        var applies = (int)Math.Max(1, AppliedEntries / InFlight * scale);
        foreach (var entries in BatchSizes)
        {
            var bare = Own(new BareFile(folder.Path, log.BatchBytes(entries)));
            var baseline = new Contender(
                $"bare write and fdatasync, {entries}",
                entries,
                syncs,
                bare.WriteBatch,
                Nothing
            );
            contenders.Add(baseline);
            contenders.Add(new($"log, {entries}", entries, syncs, () => log.Append(entries), Nothing, baseline));
            if (entries == InFlight)
            {
                var busy = Own(new WarmLog(folder.Path, "busy-log", InFlight));
                void Flow() => busy.Flow(InFlight);
                contenders.Add(new($"log, {InFlight} appends of 1 in flight", entries, syncs, Flow, Nothing, baseline));
            }
        }
        contenders.Add(new($"store, {InFlight}", InFlight, applies, () => store.Apply(InFlight), store.Settle));
        void Both()
        {
            log.Append(InFlight);
            store.Apply(InFlight);
        }
        contenders.Add(new($"log, then store, {InFlight}", InFlight, applies, Both, store.Settle));
    }

    /// <summary>Measures and prints a table in Markdown.</summary>
    /// <param name="output">Takes the table.</param>
    /// <param name="scale">Length of a round; 1 for a record, less to see that it works.</param>
    public static void Run(TextWriter output, double scale)
    {
        using var cost = new WriteCost(scale);
        for (var round = 0; round < Rounds; round++)
        {
            foreach (var contender in cost.contenders)
            {
                contender.MeasureRound();
            }
        }
        output.WriteLine(
            string.Create(
                CultureInfo.InvariantCulture,
                $"Entries of {WarmLog.PayloadBytes} B, {Rounds} rounds in alternation, scale {scale}; microseconds, medians."
            )
        );
        output.WriteLine();
        output.WriteLine(
            "| contender, entries to a batch | a batch | beside bare | an entry | processor, an entry | of it kernel | processor, each round |"
        );
        output.WriteLine("|---|---|---|---|---|---|---|");
        foreach (var contender in cost.contenders)
        {
            output.WriteLine(contender.ToString());
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var owned in open)
        {
            owned.Dispose();
        }
        folder.Dispose();
    }

    private static void Nothing() { }

    private T Own<T>(T owned)
        where T : IDisposable
    {
        open.Add(owned);
        return owned;
    }
}
