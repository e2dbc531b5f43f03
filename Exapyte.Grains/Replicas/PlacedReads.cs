using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>A place in the log at which is read.</summary>
/// <param name="Store">The state.</param>
/// <param name="Pending">What an entry that is being applied has made of it so far; null between two entries.</param>
/// <param name="StampMs">Log time there, Unix milliseconds: what has ended by then is not there.</param>
/// <param name="Revision">The shard's revision there.</param>
/// <param name="Ownership">Which keys are the shard's there; null: not known yet.</param>
internal readonly record struct ReadPoint(
    IShardStore Store,
    PendingState? Pending,
    long StampMs,
    ulong Revision,
    ShardOwnership? Ownership
)
{
    /// <summary>Finds an entry by its key, live or not.</summary>
    public bool TryFind(ReadOnlyMemory<byte> key, out StoredEntry entry) =>
        Pending is null ? Store.TryGet(key.Span, out entry) : Pending.TryFind(key, out entry);
}

/// <summary>
/// The reads of a batch that are answered at their own place in the log: each sees the writes that stand before it in the
/// batch, none that stand behind it, and nothing of another batch in between. Used by one thread at a time.
/// </summary>
/// <param name="operations">The batch.</param>
/// <param name="life">The origin of the keyspace's versions.</param>
internal sealed class PlacedReads(Operation[] operations, ulong life)
{
    private readonly List<OperationOutcome> outcomes = [];
    private int next;
    private int passed;
    private long clockMs;

    /// <summary>Those of a batch; null where it has none.</summary>
    public static PlacedReads? Of(Operation[] operations, ulong life) =>
        Array.Exists(operations, operation => !operation.IsWrite) ? new(operations, life) : null;

    /// <summary>The outcomes of the reads so far, in their order.</summary>
    public OperationOutcome[] Outcomes => [.. outcomes];

    /// <summary>Whether one found an entry that has ended by the node's clock, and not by the log: it was shown.</summary>
    public bool MetEnded { get; private set; }

    /// <summary>Starts over: the entry is applied anew, or it is read again.</summary>
    /// <param name="nowMs">The node's time, Unix milliseconds; 0 where the log's alone counts.</param>
    public void Begin(long nowMs = 0)
    {
        outcomes.Clear();
        next = passed = 0;
        clockMs = nowMs;
        MetEnded = false;
    }

    /// <summary>Answers all of them.</summary>
    public void AnswerAll(in ReadPoint point) => AnswerBefore(int.MaxValue, point);

    /// <summary>Answers those that stand before a write.</summary>
    /// <param name="write">The write's number among the writes, from 0.</param>
    /// <param name="point">That place.</param>
    public void AnswerBefore(int write, in ReadPoint point)
    {
        for (; next < operations.Length; next++)
        {
            var operation = operations[next];
            if (!operation.IsWrite)
            {
                outcomes.Add(Answer(operation, point));
            }
            else if (passed == write)
            {
                return;
            }
            else
            {
                passed++;
            }
        }
    }

    private OperationOutcome Answer(Operation operation, in ReadPoint point)
    {
        if (point.Ownership?.Owns(operation.Key.Span) == false)
        {
            return ReplicaReads.WrongShard;
        }
        if (!point.TryFind(operation.Key, out var entry) || !entry.IsLive(point.StampMs))
        {
            return OperationOutcome.NotFound;
        }
        MetEnded |= entry.IsExpired(clockMs);
        return ReplicaReads.OutcomeOf(entry, operation.Kind == OperationKind.Get, life);
    }
}
