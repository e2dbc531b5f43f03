using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>A read that waits for the proof that this replica's state is not older than the moment the read began.</summary>
internal sealed class PendingRead(long deadlineMs)
{
    private readonly TaskCompletionSource<ReadVerdict> completion = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    /// <summary>Until when it may wait, in milliseconds of the replica's clock.</summary>
    public long DeadlineMs => deadlineMs;

    /// <summary>Reads that must see one state, between two applied entries; null where the caller reads by itself.</summary>
    public PlacedReads? Reads { get; init; }

    /// <summary>Whether a proof is asked for; else it is answered from the state as it is.</summary>
    public bool NeedsProof { get; init; } = true;

    /// <summary>Whether only a leader gives the proof; else a follower asks the leader that it knows (thesis, section 6.4).</summary>
    public bool NeedsLeader { get; init; } = true;

    /// <summary>Ends with the verdict.</summary>
    public Task<ReadVerdict> Completion => completion.Task;

    /// <summary>The applied state may be read now: the verdict, and what is to be read between two entries.</summary>
    /// <param name="machine">The state.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public ReadVerdict ReadFrom(ShardStateMachine machine, long nowMs)
    {
        if (Reads is null)
        {
            return ReadVerdict.Ready;
        }
        try
        {
            machine.Answer(Reads, nowMs);
            return ReadVerdict.Ready with { Outcomes = Reads.Outcomes };
        }
        catch (StoreFailedException failure)
        {
            return ReadVerdict.Ready with { Failure = failure };
        }
    }

    /// <summary>Ends it; only the first verdict counts.</summary>
    public void Complete(in ReadVerdict verdict) => completion.TrySetResult(verdict);
}

/// <summary>Whether a read may go ahead.</summary>
internal readonly record struct ReadVerdict(OutcomeKind Kind, string? Detail, MemberId Leader)
{
    public static readonly ReadVerdict Ready = new(OutcomeKind.Ok, null, default);

    /// <summary>The outcomes of <see cref="PendingRead.Reads"/>, in their order.</summary>
    public OperationOutcome[]? Outcomes { get; init; }

    /// <summary>It was ready, and the store could not be read.</summary>
    public StoreFailedException? Failure { get; init; }
}
