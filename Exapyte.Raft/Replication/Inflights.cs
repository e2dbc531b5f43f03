namespace Exapyte.Raft;

/// <summary>
/// The appends on their way to one follower: a window bounded in messages and in bytes (thesis, section 10.2.1). The
/// acknowledgement of one message acknowledges all before it.
/// </summary>
sealed class Inflights(int messagesMax, long bytesMax)
{
    readonly Queue<(LogIndex Last, long Bytes)> messages = new();

    public int Count => messages.Count;

    public long Bytes { get; private set; }

    public bool IsFull => messages.Count >= messagesMax || Bytes >= bytesMax;

    public void Add(LogIndex last, long bytes)
    {
        messages.Enqueue((last, bytes));
        Bytes += bytes;
    }

    public void FreeThrough(LogIndex index)
    {
        while (messages.TryPeek(out var first) && first.Last <= index)
        {
            messages.Dequeue();
            Bytes -= first.Bytes;
        }
    }

    public void Clear()
    {
        messages.Clear();
        Bytes = 0;
    }
}
