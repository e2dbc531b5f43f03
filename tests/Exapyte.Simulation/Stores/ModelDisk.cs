using Exapyte.Storage.Stores;

namespace Exapyte.Simulation.Stores;

/// <summary>
/// A node's state store as a model: in memory, and forgetful like the real one, which has no log of its own. A crash takes
/// back everything behind some point after the last flush, whole batches at a time and the latest first.
/// </summary>
internal sealed class ModelDisk
{
    private readonly SortedDictionary<ulong, ModelShard> shards = [];
    private readonly List<Action> undo = [];

    private int batchesUntilFull = int.MaxValue;

    /// <summary>Whether it has no space: it refuses every batch, and changes nothing.</summary>
    public bool IsFull => batchesUntilFull == 0;

    /// <summary>Batches that a crash could take back.</summary>
    public int Unflushed => undo.Count;

    public ModelShard OpenShard(ulong prefix)
    {
        if (!shards.TryGetValue(prefix, out var shard))
        {
            shards[prefix] = shard = new(this);
        }
        return shard;
    }

    public void DeleteShard(ulong prefix)
    {
        if (shards.TryGetValue(prefix, out var shard))
        {
            shard.Clear();
        }
    }

    /// <summary>Prefixes that have any row.</summary>
    public List<ulong> ListPrefixes() => [.. shards.Where(pair => pair.Value.HasRows).Select(pair => pair.Key)];

    public void Flush()
    {
        undo.Clear();
        foreach (var shard in shards.Values)
        {
            shard.Flushed();
        }
    }

    /// <summary>It runs full after so many batches more: in the middle of whatever those belong to.</summary>
    public void FillAfter(int batches) => batchesUntilFull = batches;

    /// <summary>Somebody has made space.</summary>
    public void Empty() => batchesUntilFull = int.MaxValue;

    /// <summary>One more batch.</summary>
    /// <exception cref="StoreFullException">It is full.</exception>
    public void TakeSpace()
    {
        if (IsFull)
        {
            throw new StoreFullException("No space is left for the store.");
        }
        batchesUntilFull -= batchesUntilFull == int.MaxValue ? 0 : 1;
    }

    /// <summary>The process ends: of what is not flushed a prefix survives.</summary>
    public void Crash(Chance chance)
    {
        var kept = chance.Below(undo.Count + 1);
        for (var i = undo.Count - 1; i >= kept; i--)
        {
            undo[i]();
        }
        Flush();
    }

    /// <summary>Remembers how to take back a batch.</summary>
    public void Remember(Action takeBack) => undo.Add(takeBack);
}
