using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>A reader who waits for the state to be kept between two applied entries, so that it is the shard at one revision.</summary>
internal sealed class PendingPin(ScanRequest request)
{
    private readonly TaskCompletionSource<ScanReply> completion = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    /// <summary>What is to be kept: all that the shard owns, as far as whoever asks knows.</summary>
    public ScanRequest Request => request;

    /// <summary>Ends with the answer.</summary>
    public Task<ScanReply> Completion => completion.Task;

    /// <summary>Ends it; only the first answer counts.</summary>
    public void Complete(ScanReply reply) => completion.TrySetResult(reply);
}
