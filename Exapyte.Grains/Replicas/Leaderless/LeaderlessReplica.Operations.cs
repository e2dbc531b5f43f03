using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What it does for clients.</summary>
internal sealed partial class LeaderlessReplica
{
    /// <inheritdoc/>
    public async ValueTask<ReplicaAnswer> Execute(OperationBatch batch)
    {
        var outcomes = new OperationOutcome[batch.Operations.Length];
        var current = context.BeginWrite();
        try
        {
            var plan = BatchPlan.Of(batch, current.Map, identity, outcomes);
            if (Refusal(current) is { } refusal)
            {
                plan.Fill(OutcomeKind.Unavailable, refusal);
                return ReplicaAnswer.Of(outcomes);
            }
            var deadlineMs = NowMs + batch.TimeoutMs;
            try
            {
                foreach (var wave in BatchWaves.Of(batch.Operations, outcomes))
                {
                    await Task.WhenAll(
                        writes.Run(batch, wave.Writes, outcomes, current, deadlineMs),
                        reads.Run(batch, wave.Reads, outcomes, current, deadlineMs)
                    );
                }
            }
            catch (StoreDamagedException found)
            {
                // What has no outcome yet was not begun: a write looks at what is there before it does anything.
                damage.Found(found.Message);
                plan.Fill(OutcomeKind.Unavailable, found.Message);
            }
            catch (StoreDeletedException gone)
            {
                plan.Fill(OutcomeKind.Unavailable, gone.Message);
            }
            return ReplicaAnswer.Of(outcomes) with { StalenessMs = StalenessMsOf(batch) };
        }
        finally
        {
            current.End();
        }
    }

    private long StalenessMsOf(OperationBatch batch) =>
        Array.TrueForAll(
            batch.Operations,
            operation => ConsistencyPolicy.Of(identity.Replication, operation) is { IsFresh: true }
        )
            ? 0
            : -1;

    /// <inheritdoc/>
    public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) =>
        new(
            new ChangesReply
            {
                Kind = OutcomeKind.Invalid,
                Detail = "Changes of leaderless keyspaces cannot be watched yet.",
            }
        );

    /// <inheritdoc/>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        var current = context.Peers;
        if (current.Map is not { } map)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = BatchPlan.NoMap };
        }
        if (Refusal(current) is { } refusal)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = refusal };
        }
        if (request.Pin)
        {
            return copy.IsRefilling
                ? new()
                {
                    Kind = OutcomeKind.Unavailable,
                    Detail = "This replica has lost what it held in memory and is filled from the others.",
                }
                : node.Pinned.Open(identity.ReplicaId, local.Store, revision: 0, liveAtMs: null);
        }
        if (ReplicaReads.Misplaced(current.Ownership, request) is { } misplaced)
        {
            return misplaced;
        }
        if (ConsistencyPolicy.OfRead(map.Settings.Replication, request.Level) is not { } policy)
        {
            return new() { Kind = OutcomeKind.Invalid, Detail = "A leaderless keyspace does not take this level." };
        }
        try
        {
            var page =
                policy.Proof == ReadProof.Session ? await sessions.Scan(request, current)
                : policy.Takes == ReplicaCount.One ? ReplicaReads.Scan(local.Store, request, NowMs)
                : await listings.Read(
                    request,
                    current,
                    policy.ReadReplicas(map.Settings, current.Counted),
                    holders: []
                );
            return page with { StalenessMs = policy.IsFresh ? 0 : -1 };
        }
        catch (StoreFailedException failure)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }
}
