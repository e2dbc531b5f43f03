using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// Every bound that core, log writer, log and mailbox know, drawn anew for each run and small as often as not: what lies behind
/// a bound that no run ever reaches is not tested. Each has a <see cref="Happening"/> that says how often it was hit.
/// </summary>
internal sealed record Limits
{
    /// <summary>The fewest ticks that are drawn: what leases are drawn for.</summary>
    public const int ElectionTicksMin = 6;

    public required int ElectionTicks { get; init; }
    public required int HeartbeatTicks { get; init; }
    public required int MessageBytesMax { get; init; }
    public required int InflightMessagesMax { get; init; }
    public required long InflightBytesMax { get; init; }
    public required long UncommittedBytesMax { get; init; }
    public required long ApplyingBytesMax { get; init; }
    public required long TailBytesMax { get; init; }
    public required int PendingReadsMax { get; init; }

    /// <summary>Writes that are larger go to the log in several appends.</summary>
    public required int WriterBytesMax { get; init; }

    /// <summary>Messages and callers that may wait in a replica's mailbox.</summary>
    public required int InboxInputsMax { get; init; }

    public required NodeLogOptions Log { get; init; }

    /// <summary>Entries that a leader keeps for a follower that lags behind.</summary>
    public required ulong LogEntriesHeldMax { get; init; }

    public static Limits Of(Chance chance)
    {
        // Three entries of the usual size are some 300 bytes: below that every append that catches up is cut.
        var messageBytes = Draw(chance, () => chance.Between(1, 400), 1 << 20);
        // A queue that cannot hold one whole write never lets it through: where it is small, so are writes.
        var isQueueSmall = chance.OneIn(4);
        messageBytes = isQueueSmall ? Math.Min(messageBytes, 400) : messageBytes;
        return new()
        {
            ElectionTicks = chance.OneIn(3) ? chance.Between(ElectionTicksMin + 1, 9) : ElectionTicksMin,
            HeartbeatTicks = chance.OneIn(4) ? 2 : 1,
            MessageBytesMax = messageBytes,
            InflightMessagesMax = Draw(chance, () => chance.Between(1, 4), 64),
            InflightBytesMax = messageBytes + Draw(chance, () => chance.Below(300), isQueueSmall ? 4 << 10 : 8 << 20),
            UncommittedBytesMax = Draw(chance, () => chance.Between(1, 1_000), isQueueSmall ? 4 << 10 : 64 << 20),
            ApplyingBytesMax = Draw(chance, () => chance.Between(1, 600), 4 << 20),
            TailBytesMax = Draw(chance, () => chance.Below(600), 16 << 20),
            PendingReadsMax = Draw(chance, () => chance.Between(1, 4), 65_536),
            WriterBytesMax = isQueueSmall ? 8 << 10 : Draw(chance, () => chance.Between(100, 600), 8 << 10),
            InboxInputsMax = Draw(chance, () => chance.Between(2, 12), 65_536),
            Log = LogOf(chance, isQueueSmall),
            LogEntriesHeldMax = (ulong)Draw(chance, () => chance.Below(20), 300),
        };
    }

    /// <summary>A core's settings with these bounds.</summary>
    public RaftOptions Within(RaftOptions options) =>
        options with
        {
            ElectionTicks = ElectionTicks,
            HeartbeatTicks = HeartbeatTicks,
            MessageBytesMax = MessageBytesMax,
            InflightMessagesMax = InflightMessagesMax,
            InflightBytesMax = InflightBytesMax,
            UncommittedBytesMax = UncommittedBytesMax,
            ApplyingBytesMax = ApplyingBytesMax,
            TailBytesMax = TailBytesMax,
            PendingReadsMax = PendingReadsMax,
        };

    private static NodeLogOptions LogOf(Chance chance, bool isQueueSmall) =>
        new()
        {
            SegmentBytes = chance.OneIn(4) ? 256 << 10 : 128 << 10,
            FillStepBytes = chance.OneIn(2) ? 8 << 10 : 32 << 10,
            BatchBytesMax = Draw(chance, () => 4 << 10, 32 << 10),
            AppendBytesMax = chance.OneIn(2) ? 16 << 10 : 64 << 10,
            DescriptorBytesMax = 8 << 10,
            // Each group of a node describes itself at the start, before the log has taken anything.
            QueuedOperationsMax = isQueueSmall ? chance.Between(4, 8) : 65_536,
            QueuedBytesMax = isQueueSmall ? 64 << 10 : 64 << 20,
            CacheBytes = chance.Below(3) switch
            {
                0 => 0,
                1 => chance.Between(1, 4 << 10),
                _ => 64 << 10,
            },
            SpareSegmentsMax = chance.Below(3),
            RewriteSegmentsMin = chance.Between(2, 4),
            RewriteBatchBytesMax = chance.OneIn(3) ? 1 << 10 : 8 << 10,
        };

    private static T Draw<T>(Chance chance, Func<T> small, T wide) => chance.Percent(50) ? small() : wide;
}
