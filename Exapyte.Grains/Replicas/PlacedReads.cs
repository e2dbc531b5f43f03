using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>Finds an entry by its key, live or not.</summary>
internal delegate bool EntryFinder(ReadOnlyMemory<byte> key, out StoredEntry entry);

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

    /// <summary>Those of a batch; null where it has none.</summary>
    public static PlacedReads? Of(Operation[] operations, ulong life) =>
        Array.Exists(operations, operation => !operation.IsWrite) ? new(operations, life) : null;

    /// <summary>The outcomes of the reads so far, in their order.</summary>
    public OperationOutcome[] Outcomes => [.. outcomes];

    /// <summary>Starts over: the entry is applied anew.</summary>
    public void Begin()
    {
        outcomes.Clear();
        next = passed = 0;
    }

    /// <summary>Answers all of them.</summary>
    public void AnswerAll(EntryFinder find, long liveAtMs, ulong revision) =>
        AnswerBefore(int.MaxValue, find, liveAtMs, revision);

    /// <summary>Answers those that stand before a write.</summary>
    /// <param name="write">The write's number among the writes, from 0.</param>
    /// <param name="find">Finds entries as they are at that place.</param>
    /// <param name="liveAtMs">What has expired by then is not there, Unix milliseconds.</param>
    /// <param name="revision">The shard's revision at that place.</param>
    public void AnswerBefore(int write, EntryFinder find, long liveAtMs, ulong revision)
    {
        for (; next < operations.Length; next++)
        {
            var operation = operations[next];
            if (!operation.IsWrite)
            {
                outcomes.Add(Answer(operation, find, liveAtMs, revision));
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

    private OperationOutcome Answer(Operation operation, EntryFinder find, long liveAtMs, ulong revision) =>
        ReplicaReads.IsBehind(operation, revision, life) ? ReplicaReads.BehindSession
        : find(operation.Key, out var entry) && entry.IsLive(liveAtMs)
            ? ReplicaReads.OutcomeOf(entry, operation.Kind == OperationKind.Get, life)
        : OperationOutcome.NotFound;
}
