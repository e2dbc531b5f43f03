using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Reads of clients: from this replica's copy, or from as many replicas as the level asks for. Thread-safe.</summary>
internal sealed class LeaderlessReads(
    ReplicaContext context,
    CopyIn copy,
    QuorumReads quorumReads,
    SessionReads sessions
)
{
    /// <summary>Runs the batch's reads at these positions and fills in their outcomes.</summary>
    public async Task Run(
        OperationBatch batch,
        List<int> at,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        Dictionary<int, List<int>>? byReplicas = null;
        List<int>? ofSessions = null;
        foreach (var i in at)
        {
            var operation = batch.Operations[i];
            var settings = current.Map!.Settings;
            if (ConsistencyPolicy.OfRead(settings.Replication, operation.Level) is not { } policy)
            {
                outcomes[i] = OperationOutcome.Of(
                    OutcomeKind.Invalid,
                    "Reads of a leaderless keyspace do not take this level."
                );
                continue;
            }
            if (policy.Proof == ReadProof.Session)
            {
                (ofSessions ??= []).Add(i);
                continue;
            }
            var needed = policy.ReadReplicas(settings, current.Counted);
            if (policy.Takes == ReplicaCount.One || (needed <= 1 && !copy.IsRefilling))
            {
                // While this one has not everything it should have, what it has is answered only to who asks for just that.
                outcomes[i] = ReplicaReads.Read(context.Local.Store, operation, context.NowMs);
                continue;
            }
            byReplicas ??= [];
            if (!byReplicas.TryGetValue(needed, out var group))
            {
                byReplicas[needed] = group = [];
            }
            group.Add(i);
        }
        if (ofSessions is not null)
        {
            await sessions.Run(batch, ofSessions, outcomes, current, deadlineMs);
        }
        if (byReplicas is not null)
        {
            // Each number of replicas for itself: what one asks for is nothing to another.
            await Task.WhenAll(
                byReplicas.Select(group => Read(batch, group.Value, group.Key, outcomes, current, deadlineMs))
            );
        }
    }

    private async Task Read(
        OperationBatch batch,
        List<int> at,
        int needed,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        var inReach = context.InReach(current, !copy.IsRefilling);
        if (needed > inReach)
        {
            var refusal = context.TooFew(needed, inReach, current);
            at.ForEach(i => outcomes[i] = refusal);
            return;
        }
        var newest = await quorumReads.Read(
            [.. at.Select(i => batch.Operations[i].Key)],
            current,
            needed,
            !copy.IsRefilling,
            deadlineMs - context.NowMs,
            holders: []
        );
        for (var n = 0; n < at.Count; n++)
        {
            outcomes[at[n]] = newest is null
                ? OperationOutcome.Of(
                    OutcomeKind.Unavailable,
                    $"Fewer than {needed} of {current.Counted} replicas answered, and held what is newest, in time."
                )
                : OutcomeOf(batch.Operations[at[n]], newest[n]);
        }
    }

    private OperationOutcome OutcomeOf(Operation operation, StampedEntry entry)
    {
        var stored = StampedCodec.ToStored(entry);
        return entry.Version.IsNone || !stored.IsLive(context.NowMs)
            ? OperationOutcome.NotFound
            : ReplicaReads.OutcomeOf(stored, operation.Kind == OperationKind.Get);
    }
}
