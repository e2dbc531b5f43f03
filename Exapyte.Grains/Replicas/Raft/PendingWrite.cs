using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// A batch of writes on its way through the log of its shard. It is completed exactly once: with what became of its
/// writes, with a definite refusal, or as unknown when its deadline passes first.
/// </summary>
internal sealed class PendingWrite(OperationBatch batch, long deadlineMs)
{
    private readonly TaskCompletionSource<WriteVerdict> completion = new(
        TaskCreationOptions.RunContinuationsAsynchronously
    );

    /// <summary>The batch.</summary>
    public OperationBatch Batch => batch;

    /// <summary>The reads of the batch, answered where it is applied; null where it has none.</summary>
    public PlacedReads? Reads { get; init; }

    /// <summary>What the shard may hold, by what the others hold; null: as the keyspace's rules say.</summary>
    public Usage? Limits { get; init; }

    /// <summary>
    /// Whether it writes nothing and only waits until the log says what time it is: any entry that is proposed with it does.
    /// </summary>
    public bool IsClock { get; private init; }

    /// <summary>The time that it waits for, Unix milliseconds; 0: any.</summary>
    public long ClockMs { get; private init; }

    /// <summary>One that waits until the log has a time.</summary>
    /// <param name="clockMs">Which, Unix milliseconds.</param>
    /// <param name="deadlineMs">Until when, in milliseconds of the replica's clock.</param>
    public static PendingWrite Clock(long clockMs, long deadlineMs) =>
        new(
            new()
            {
                Operations = [],
                MapEpoch = 0,
                TimeoutMs = 0,
            },
            deadlineMs
        )
        {
            IsClock = true,
            ClockMs = clockMs,
        };

    /// <summary>Until when it may wait, in milliseconds of the replica's clock.</summary>
    public long DeadlineMs => deadlineMs;

    /// <summary>The index it was proposed at; 0 before.</summary>
    public LogIndex Index { get; set; }

    /// <summary>The term it was proposed in.</summary>
    public Term Term { get; set; }

    /// <summary>Ends with the verdict.</summary>
    public Task<WriteVerdict> Completion => completion.Task;

    /// <summary>Whether it has been completed.</summary>
    public bool IsDone => completion.Task.IsCompleted;

    /// <summary>The command that it is.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    /// <param name="generation">See <see cref="WriteCommand.Generation"/>.</param>
    public byte[] Encode(long stampMs, in CommandRules rules, ulong generation) =>
        ShardCommandCodec.Encode(
            batch.Operations,
            batch.Atomic,
            stampMs,
            rules.Limits is null ? rules : rules with { Limits = Limits ?? rules.Limits },
            generation
        );

    /// <summary>What is told of it where it was applied.</summary>
    public WriteVerdict VerdictOf(in AppliedCommand applied) =>
        new()
        {
            Kind = OutcomeKind.Ok,
            Writes = applied.Writes,
            RefusedAt = applied.RefusedAt,
            Reads = Reads?.Outcomes ?? [],
        };

    /// <summary>Ends it; only the first verdict counts.</summary>
    public void Complete(WriteVerdict verdict) => completion.TrySetResult(verdict);
}

/// <summary>What became of a batch of writes as a whole.</summary>
internal sealed class WriteVerdict
{
    /// <summary>Ok: <see cref="Writes"/> has an outcome each. Else the outcome of all of them.</summary>
    public required OutcomeKind Kind { get; init; }

    /// <summary>One outcome a write, in order.</summary>
    public AppliedWrite[] Writes { get; init; } = [];

    /// <summary>See <see cref="AppliedCommand.RefusedAt"/>.</summary>
    public int RefusedAt { get; init; } = AppliedCommand.NotRefused;

    /// <summary>One outcome a read, in order; where an atomic batch was refused fewer.</summary>
    public OperationOutcome[] Reads { get; init; } = [];

    /// <summary>Why, where it is not Ok.</summary>
    public string? Detail { get; init; }

    /// <summary>The leader, where it is known and another.</summary>
    public MemberId Leader { get; init; }

    /// <summary>Nothing was written, for a reason of the disk's: reads that came with the writes go on.</summary>
    public bool LeavesReads { get; init; }

    /// <summary>It was not applied, or nobody can tell: <paramref name="kind"/> says which.</summary>
    /// <param name="kind">The outcome of all of its writes.</param>
    /// <param name="detail">Why.</param>
    /// <param name="leader">The leader, where it is known and another.</param>
    public static WriteVerdict Refused(OutcomeKind kind, string detail, MemberId leader = default) =>
        new()
        {
            Kind = kind,
            Detail = detail,
            Leader = leader,
        };
}
