using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>A state machine over a real store, fed with batches as a client sends them.</summary>
internal sealed class MachineUnderTest : IDisposable
{
    private readonly DiskStoreFixture fixture = new();

    public MachineUnderTest() => Machine = new(fixture.Shard);

    /// <summary>The machine; another one after <see cref="Restart"/>.</summary>
    public ShardStateMachine Machine { get; private set; }

    /// <summary>The leader's time.</summary>
    public long StampMs { get; set; } = 1_000;

    public long WindowMs { get; init; } = 60_000;

    /// <summary>What the shard may hold; null: nobody counts.</summary>
    public Usage? Limits { get; set; }

    /// <summary>Removes what has expired, as a replica does when it likes.</summary>
    public void Sweep() => fixture.Shard.SweepExpired(StampMs, int.MaxValue);

    /// <summary>What is live now, looked for entry by entry.</summary>
    public Usage Live
    {
        get
        {
            var live = default(Usage);
            using var scan = fixture.Shard.Scan(KeyRange.All, reverse: false);
            while (scan.MoveNext())
            {
                var header = scan.CurrentHeader;
                live += header.Entry.IsLive(StampMs)
                    ? new Usage(1, scan.CurrentKey.Length + header.ValueBytes)
                    : default;
            }
            return live;
        }
    }

    public void Dispose() => fixture.Dispose();

    public void Restart()
    {
        fixture.Store.Flush();
        fixture.Crash();
        Machine = new(fixture.Shard);
    }

    /// <summary>A request of its own.</summary>
    public AppliedWrite Alone(Operation operation) => Raw(atomic: false, RequestFingerprint.Name(operation)).Writes[0];

    /// <summary>A batch.</summary>
    public AppliedCommand Batch(bool atomic, params Operation[] operations) =>
        Raw(atomic, [.. RequestFingerprint.Name(operations, atomic)]);

    /// <summary>Exactly these operations, as a version without fingerprints sends them.</summary>
    public AppliedCommand Raw(bool atomic, params Operation[] operations) => Apply(atomic, operations, null);

    /// <summary>A batch with reads; what they answered.</summary>
    public string[] Read(bool atomic, params Operation[] operations)
    {
        var reads = new PlacedReads(operations, life: 7);
        Apply(atomic, operations, reads);
        return [.. reads.Outcomes.Select(Text)];
    }

    public static string Text(OperationOutcome outcome) =>
        outcome.Kind == OutcomeKind.Ok ? Encoding.UTF8.GetString(outcome.Value.Span) : $"{outcome.Kind}";

    public string? ValueOf(string key) =>
        fixture.Shard.TryGet(Encoding.UTF8.GetBytes(key), out var entry) && entry.IsLive(StampMs)
            ? Encoding.UTF8.GetString(entry.Value.Span)
            : null;

    /// <summary>Rows of metadata that remember requests.</summary>
    public int RequestRows => CountRows('q') + CountRows('i') + CountRows('r') + CountRows('t');

    /// <summary>Rows of metadata whose name begins so.</summary>
    public int CountRows(char mark)
    {
        var rows = 0;
        fixture.Shard.ScanMeta(
            [(byte)mark],
            (_, _) =>
            {
                rows++;
                return true;
            }
        );
        return rows;
    }

    private AppliedCommand Apply(bool atomic, Operation[] operations, PlacedReads? reads)
    {
        var payload = ShardCommandCodec.Encode(operations, atomic, StampMs, new(0, WindowMs) { Limits = Limits });
        return Machine.Apply(new(new(1), Machine.Applied.Next, EntryKind.Command, payload), null, reads);
    }
}
