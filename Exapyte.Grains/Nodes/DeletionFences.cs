namespace Exapyte.Grains.Nodes;

/// <summary>
/// The ids of keyspaces that were deleted a moment ago: a command of before that comes late must not make their replicas
/// again. Kept for longer than any call is on its way, and in memory only, for none reaches the node's next life. Used by
/// one thread at a time.
/// </summary>
internal sealed class DeletionFences(TimeProvider time)
{
    private static readonly TimeSpan Age = TimeSpan.FromMinutes(10);

    private readonly Queue<(long KeyspaceId, long At)> inOrder = new();
    private readonly HashSet<long> ids = [];

    /// <summary>The keyspace is deleted, and nothing of it is here any more.</summary>
    public void Add(long keyspaceId)
    {
        DropOld();
        if (ids.Add(keyspaceId))
        {
            inOrder.Enqueue((keyspaceId, time.GetTimestamp()));
        }
    }

    /// <summary>Whether it was deleted a moment ago.</summary>
    public bool Contains(long keyspaceId)
    {
        DropOld();
        return ids.Contains(keyspaceId);
    }

    private void DropOld()
    {
        while (inOrder.TryPeek(out var oldest) && time.GetElapsedTime(oldest.At) > Age)
        {
            inOrder.Dequeue();
            ids.Remove(oldest.KeyspaceId);
        }
    }
}
