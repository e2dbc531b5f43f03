using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// What a raft replica must do for each operation of a batch: write it, read it behind a proof, read it at once, or
/// refuse it because its key lives elsewhere. Fills the outcomes in place.
/// </summary>
/// <remarks>Reads in a batch that also writes are answered after the writes: they see them.</remarks>
internal readonly struct BatchPlan
{
    private readonly OperationBatch batch;
    private readonly OperationOutcome?[] outcomes;

    private BatchPlan(OperationBatch batch, OperationOutcome?[] outcomes, int writes, int provenReads)
    {
        this.batch = batch;
        this.outcomes = outcomes;
        Writes = writes;
        ProvenReads = provenReads;
    }

    /// <summary>Writes to be done.</summary>
    public int Writes { get; }

    /// <summary>Reads that need a proof that the state is recent.</summary>
    public int ProvenReads { get; }

    /// <summary>Looks through a batch and refuses what does not belong to this shard.</summary>
    public static BatchPlan Of(
        OperationBatch batch,
        KeyspaceMap? map,
        ReplicaIdentity identity,
        OperationOutcome?[] outcomes
    )
    {
        int writes = 0,
            provenReads = 0;
        var operations = batch.Operations;
        for (var i = 0; i < operations.Length; i++)
        {
            outcomes[i] = Refusal(operations[i], map, identity);
            if (outcomes[i] is not null)
            {
                continue;
            }
            if (operations[i].IsWrite)
            {
                writes++;
            }
            else if (NeedsProof(operations[i].Level))
            {
                provenReads++;
            }
        }
        if (batch.Atomic && Array.Find(outcomes, outcome => outcome is not null) is { } refusal)
        {
            Array.Fill(outcomes, refusal);
            return new(batch, outcomes, 0, 0);
        }
        return new(batch, outcomes, writes, provenReads);
    }

    /// <summary>The batch without the operations that were refused. An atomic one was refused as a whole or not at all.</summary>
    public OperationBatch Accepted(OperationBatch whole)
    {
        var refused = outcomes;
        return Array.TrueForAll(refused, outcome => outcome is null)
            ? whole
            : new()
            {
                Operations = [.. whole.Operations.Where((_, i) => refused[i] is null)],
                MapEpoch = whole.MapEpoch,
                Atomic = whole.Atomic,
                TimeoutMs = whole.TimeoutMs,
            };
    }

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
    /// Gives the writes their outcomes; where they were refused as a whole the reads get the same, unless the verdict
    /// leaves them to be read.
    /// </summary>
    public void FillWrites(WriteVerdict verdict)
    {
        if (verdict.Kind != OutcomeKind.Ok)
        {
            var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
            var readRefused =
                verdict.LeavesReads ? null
                : verdict.Kind == OutcomeKind.Unknown
                    ? Refused(OutcomeKind.Unavailable, verdict.Detail, (long)verdict.Leader.Value)
                : refused;
            for (var i = 0; i < outcomes.Length; i++)
            {
                outcomes[i] ??= batch.Operations[i].IsWrite ? refused : readRefused;
            }
            return;
        }
        var next = 0;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is null && batch.Operations[i].IsWrite)
            {
                outcomes[i] = verdict.Writes[next++].ToOutcome();
            }
        }
    }

    /// <summary>Refuses the reads that needed a proof; the others need none.</summary>
    public void FillProvenReads(in ReadVerdict verdict)
    {
        var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is null && NeedsProof(batch.Operations[i].Level))
            {
                outcomes[i] = refused;
            }
        }
    }

    /// <summary>Refuses all reads that have no outcome yet.</summary>
    public void FillReads(in ReadVerdict verdict)
    {
        var refused = Refused(verdict.Kind, verdict.Detail, (long)verdict.Leader.Value);
        for (var i = 0; i < outcomes.Length; i++)
        {
            outcomes[i] ??= refused;
        }
    }

    /// <summary>Answers the reads from the applied state.</summary>
    public void ReadFrom(IShardStore store, long nowMs, VersionStamp revision)
    {
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is not null)
            {
                continue;
            }
            var operation = batch.Operations[i];
            outcomes[i] =
                operation.Level == ConsistencyLevel.Session && operation.SessionVersion > revision
                    ? Refused(OutcomeKind.NotLeader, "This replica has not seen the session's version yet.", 0)
                    : ReplicaReads.Read(store, operation, nowMs);
        }
    }

    private static bool NeedsProof(ConsistencyLevel level) =>
        level is not (ConsistencyLevel.Eventual or ConsistencyLevel.Session);

    private static OperationOutcome? Refusal(Operation operation, KeyspaceMap? map, ReplicaIdentity identity)
    {
        if (map is null)
        {
            return OperationOutcome.Of(OutcomeKind.Unavailable, "The replica is starting and has no map yet.");
        }
        var shard = map.Shards[map.ShardIndexOf(operation.Key.Span)];
        return shard.ShardId == identity.ShardId
            ? null
            : OperationOutcome.Of(OutcomeKind.WrongShard, "The key belongs to another shard.");
    }

    private static OperationOutcome Refused(OutcomeKind kind, string? detail, long leader) =>
        new()
        {
            Kind = kind,
            Detail = detail,
            LeaderReplicaId = leader,
        };
}
