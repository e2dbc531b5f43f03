using System.Collections.Concurrent;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Prefixes in the node's store that no replica uses any more, until what is under them is deleted: not at once, for a
/// reader may still look at them, nor by whoever gives them up, for a full disk may refuse the deletion. Upkeep deletes
/// them, a start whatever is left. Thread-safe.
/// </summary>
internal sealed class DisusedPrefixes
{
    private readonly ConcurrentQueue<ulong> prefixes = new();

    /// <summary>Prefixes that wait for their deletion.</summary>
    public int Count => prefixes.Count;

    /// <summary>Nobody uses the prefix any more. It may be given up twice.</summary>
    public void Add(ulong prefix) => prefixes.Enqueue(prefix);

    /// <summary>Deletes what was given up until now, in order. For one caller at a time.</summary>
    /// <param name="isUsed">Whether another replica lives under the same prefix: a split shares it. The last one gives it up again.</param>
    /// <param name="delete">Deletes what is under a prefix.</param>
    /// <param name="failed">Told of one that cannot be deleted, which is left to the next start.</param>
    /// <exception cref="StoreFullException">The disk is full: those that are left are deleted another time.</exception>
    public void Delete(Predicate<ulong> isUsed, Action<ulong> delete, Action<StoreFailedException> failed)
    {
        for (var left = prefixes.Count; left > 0 && prefixes.TryPeek(out var prefix); left--)
        {
            try
            {
                if (!isUsed(prefix))
                {
                    delete(prefix);
                }
            }
            catch (StoreFailedException failure) when (failure is not StoreFullException)
            {
                // It takes space and nothing else.
                failed(failure);
            }
            prefixes.TryDequeue(out _);
        }
    }
}
