namespace Exapyte.Raft;

/// <summary>How many bytes of committed entries are handed out and not yet applied.</summary>
sealed class ApplyBudget(long bytesMax)
{
    readonly Queue<(LogIndex Through, long Bytes)> handed = new();
    long bytes;

    /// <summary>What may be handed out now; 0 if the state machine has to catch up first.</summary>
    public long Left => Math.Max(0, bytesMax - bytes);

    public void Handed(LogIndex through, long handedBytes)
    {
        handed.Enqueue((through, handedBytes));
        bytes += handedBytes;
    }

    public void Applied(LogIndex index)
    {
        while (handed.TryPeek(out var first) && first.Through <= index)
        {
            handed.Dequeue();
            bytes -= first.Bytes;
        }
    }
}
