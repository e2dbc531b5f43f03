using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// What a raft replica must do for each operation of a batch: write it, read it behind a proof, read it at once, or
/// refuse it because its key lives elsewhere. Fills the outcomes in place.
/// </summary>
/// <remarks>
/// Reads in a batch that also writes are answered where it is applied, each at its place among the writes; those of an atomic
/// batch that writes nothing all see one state. Versions that leave have the keyspace's id as their origin, so that a keyspace
/// that is created again never gives one of them another meaning; conditions are judged by those of this keyspace alone.
/// </remarks>
internal readonly struct BatchPlan
{
    /// <summary>Why a replica that knows no map yet serves nobody.</summary>
    public const string NoMap = "The replica is starting and has no map yet.";

    private readonly OperationBatch batch;
    private readonly OperationOutcome?[] outcomes;
    private readonly ulong life;

    private BatchPlan(OperationBatch batch, OperationOutcome?[] outcomes, ulong life, int writes, in ReadNeed need)
    {
        this.batch = batch;
        this.outcomes = outcomes;
        this.life = life;
        Writes = writes;
        Need = need;
    }

    /// <summary>Writes to be done.</summary>
    public int Writes { get; }

    /// <summary>What its reads need of the state.</summary>
    public ReadNeed Need { get; }

    /// <summary>Looks through a batch and refuses what does not belong to this shard.</summary>
    public static BatchPlan Of(
        OperationBatch batch,
        KeyspaceMap? map,
        ReplicaIdentity identity,
        OperationOutcome?[] outcomes
    )
    {
        var writes = 0;
        var need = ReadNeed.Nothing;
        var operations = batch.Operations;
        for (var i = 0; i < operations.Length; i++)
        {
            outcomes[i] = Refusal(operations[i], map, identity);
            if (outcomes[i] is not null)
            {
                continue;
            }
            writes += operations[i].IsWrite ? 1 : 0;
            need = need.And(ReadNeed.Of(operations[i], identity.Life));
        }
        if (batch.Atomic && Array.Find(outcomes, outcome => outcome is not null) is { } refusal)
        {
            Array.Fill(outcomes, refusal);
            return new(batch, outcomes, identity.Life, 0, ReadNeed.Nothing);
        }
        return new(batch, outcomes, identity.Life, writes, need);
    }

    /// <summary>Whether something is left to be answered.</summary>
    public bool IsOpen => Array.Exists(outcomes, outcome => outcome is null);

    /// <summary>
    /// What is to be proposed: the batch without the operations that were refused, its conditions as the shard's rows have
    /// versions. An atomic one was refused as a whole or not at all.
    /// </summary>
    /// <param name="deadlineMs">Until when it may wait.</param>
    /// <param name="limits">See <see cref="PendingWrite.Limits"/>.</param>
    public PendingWrite ToPropose(long deadlineMs, Usage? limits)
    {
        var operations = batch.Operations;
        if (Array.Exists(outcomes, outcome => outcome is not null) || Array.Exists(operations, HasVersions))
        {
            List<Operation> accepted = new(operations.Length);
            for (var i = 0; i < operations.Length; i++)
            {
                if (outcomes[i] is null)
                {
                    accepted.Add(WithOwnVersions(operations[i]));
                }
            }
            operations = [.. accepted];
        }
        var proposed = new OperationBatch
        {
            Operations = operations,
            MapEpoch = batch.MapEpoch,
            Atomic = batch.Atomic,
            TimeoutMs = batch.TimeoutMs,
        };
        return new(proposed, deadlineMs) { Reads = PlacedReads.Of(operations, life), Limits = limits };
    }

    /// <summary>The question for its reads; those of an atomic batch are answered with it, from one state.</summary>
    /// <param name="deadlineMs">Until when it may wait.</param>
    /// <param name="needsProof">Whether the state as it is does not do.</param>
    public PendingRead ToRead(long deadlineMs, bool needsProof) =>
        new(deadlineMs)
        {
            Reads = batch.Atomic ? PlacedReads.Of(batch.Operations, life) : null,
            NeedsProof = needsProof,
            NeedsLeader = Need.NeedsLeader,
        };

    /// <summary>Gives every operation that has none the same outcome.</summary>
    public void Fill(OutcomeKind kind, string detail)
    {
        var outcome = OperationOutcome.Of(kind, detail);
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= outcome;
        }
    }

    /// <summary>
    /// Gives the operations what became of them; where the writes were refused as a whole the reads get the same, unless the
    /// verdict leaves them to be read.
    /// </summary>
    public void FillWrites(WriteVerdict verdict)
    {
        if (verdict.Kind != OutcomeKind.Ok)
        {
            FillRefused(verdict);
            return;
        }
        if (verdict.RefusedAt != AppliedCommand.NotRefused)
        {
            FillDecided(verdict);
            return;
        }
        int nextWrite = 0,
            nextRead = 0;
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= batch.Operations[i].IsWrite
                ? verdict.Writes[nextWrite++].ToOutcome(life)
                : verdict.Reads[nextRead++];
        }
    }

    /// <summary>Gives the reads of an atomic batch that writes nothing their outcomes.</summary>
    public void FillReads(OperationOutcome[] reads) => reads.CopyTo(outcomes, 0);

    private void FillRefused(WriteVerdict verdict)
    {
        var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
        var readRefused =
            verdict.LeavesReads && !batch.Atomic ? null
            : verdict.Kind == OutcomeKind.Unknown
                ? Refused(OutcomeKind.Unavailable, verdict.Detail, (long)verdict.Leader.Value)
            : refused;
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= batch.Operations[i].IsWrite ? refused : readRefused;
        }
    }

    /// <summary>One write decided that nothing of the atomic batch happens.</summary>
    private void FillDecided(WriteVerdict verdict)
    {
        var at = 0;
        for (var writes = verdict.RefusedAt; writes > 0 || !batch.Operations[at].IsWrite; at++)
        {
            writes -= batch.Operations[at].IsWrite ? 1 : 0;
        }
        var decided = verdict.Writes[verdict.RefusedAt].ToOutcome(life, at);
        Array.Fill(
            outcomes,
            new()
            {
                Kind = decided.Kind,
                Detail = $"Item {at} of the atomic batch decided: {decided.Detail}",
                DecidedBy = at,
            }
        );
        outcomes[at] = decided;
    }

    /// <summary>Refuses the reads without an outcome whose need is one of these.</summary>
    public void FillReads(in ReadVerdict verdict, Predicate<ReadNeed> refuses)
    {
        var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is null && refuses(ReadNeed.Of(batch.Operations[i], life)))
            {
                outcomes[i] = refused;
            }
        }
    }

    /// <summary>Takes back the answers to reads that may not be as old as the state was.</summary>
    /// <param name="ageMs">Greatest possible age of what they were answered from.</param>
    /// <param name="verdict">What they are told instead.</param>
    public void RefuseOlderThan(long ageMs, in ReadVerdict verdict)
    {
        if (ageMs <= Need.AgeMsMax)
        {
            return;
        }
        var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (
                outcomes[i] is { Kind: OutcomeKind.Ok or OutcomeKind.NotFound }
                && ReadNeed.Of(batch.Operations[i], life).AgeMsMax < ageMs
            )
            {
                outcomes[i] = refused;
            }
        }
    }

    /// <summary>Greatest possible age of what was answered: see <see cref="BatchReply.StalenessMs"/>.</summary>
    /// <param name="isProven">Whether the reads were proven to be as of now.</param>
    /// <param name="ageMs">Else the age of the state.</param>
    public long StalenessMs(bool isProven, long ageMs)
    {
        if (isProven)
        {
            return 0;
        }
        long greatest = 0;
        foreach (var operation in batch.Operations)
        {
            if (operation.IsWrite)
            {
                continue;
            }
            var need = ReadNeed.Of(operation, life);
            if (!need.IsTimely)
            {
                return -1;
            }
            greatest = need.IsFresh ? greatest : Math.Max(greatest, ageMs);
        }
        return greatest;
    }

    /// <summary>Answers the reads from the applied state.</summary>
    /// <param name="point">The state.</param>
    /// <param name="clockMs">
    /// The node's time, Unix milliseconds: reads of entries that have ended by it, and not by the log, are left open.
    /// </param>
    /// <returns>Whether any was left open.</returns>
    public bool ReadFrom(in ReadPoint point, long clockMs)
    {
        var isLeftOpen = false;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is not null)
            {
                continue;
            }
            outcomes[i] = Read(batch.Operations[i], point, clockMs);
            isLeftOpen |= outcomes[i] is null;
        }
        return isLeftOpen;
    }

    private OperationOutcome? Read(Operation operation, in ReadPoint point, long clockMs) =>
        point.Ownership?.Owns(operation.Key.Span) == false ? ReplicaReads.WrongShard
        : !point.TryFind(operation.Key, out var entry) || !entry.IsLive(point.StampMs) ? OperationOutcome.NotFound
        : entry.IsExpired(clockMs) ? null
        : ReplicaReads.OutcomeOf(entry, operation.Kind == OperationKind.Get, life);

    private static bool HasVersions(Operation operation) => operation.Condition is { Versions.Length: > 0 };

    /// <summary>A version of another keyspace, or of none, is no version of this one: it is left out.</summary>
    private Operation WithOwnVersions(Operation operation)
    {
        if (!HasVersions(operation))
        {
            return operation;
        }
        var own = life;
        VersionStamp[] versions =
        [
            .. operation
                .Condition!.Versions.Where(version => version.Origin == own)
                .Select(version => new VersionStamp(version.Revision)),
        ];
        return operation with { Condition = new(operation.Condition.Kind, versions) };
    }

    private static OperationOutcome? Refusal(Operation operation, KeyspaceMap? map, ReplicaIdentity identity)
    {
        if (map is null)
        {
            return OperationOutcome.Of(OutcomeKind.Unavailable, NoMap);
        }
        var shard = map.Shards[map.ShardIndexOf(operation.Key.Span)];
        return shard.ShardId == identity.ShardId ? null : ReplicaReads.WrongShard;
    }

    private static OperationOutcome Refused(OutcomeKind kind, string? detail, long leader) =>
        new()
        {
            Kind = kind,
            Detail = detail,
            LeaderReplicaId = leader,
        };
}
