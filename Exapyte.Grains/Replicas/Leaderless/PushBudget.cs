namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// What the writes that wait to be pushed may take of a node's memory, over all shards and peers. What finds no room is read
/// from the log again when its time comes. Thread-safe.
/// </summary>
internal sealed class PushBudget(long bytesMax)
{
    private long bytes;

    /// <summary>Bytes that are taken.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>Takes so many bytes, if there are as many left.</summary>
    public bool TryTake(long wanted)
    {
        if (Interlocked.Add(ref bytes, wanted) <= bytesMax)
        {
            return true;
        }
        GiveBack(wanted);
        return false;
    }

    /// <summary>Gives bytes back.</summary>
    public void GiveBack(long taken) => Interlocked.Add(ref bytes, -taken);
}
