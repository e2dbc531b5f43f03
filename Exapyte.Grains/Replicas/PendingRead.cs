using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>A read that waits for the proof that this replica's state is not older than the moment the read began.</summary>
internal sealed class PendingRead(long deadlineMs)
{
    private readonly TaskCompletionSource<ReadVerdict> completion = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    /// <summary>Until when it may wait, in milliseconds of the replica's clock.</summary>
    public long DeadlineMs => deadlineMs;

    /// <summary>Ends with the verdict.</summary>
    public Task<ReadVerdict> Completion => completion.Task;

    /// <summary>The applied state may be read now.</summary>
    public void Ready() => completion.TrySetResult(ReadVerdict.Ready);

    /// <summary>It may not be read here.</summary>
    public void Refuse(OutcomeKind kind, string detail, MemberId leader = default) =>
        completion.TrySetResult(new(kind, detail, leader));
}

/// <summary>Whether a read may go ahead.</summary>
internal readonly record struct ReadVerdict(OutcomeKind Kind, string? Detail, MemberId Leader)
{
    public static readonly ReadVerdict Ready = new(OutcomeKind.Ok, null, default);
}
