using Exapyte.Client.Caching;
using Exapyte.Client.Lanes;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>What calls take from a session and give it back.</summary>
internal static class SessionCalls
{
    /// <summary>The operation with what the session has seen of its shard, where that counts for it.</summary>
    public static Operation With(this Operation operation, ClientSession? session, KeyspaceMap map, long shardId)
    {
        if (session is null)
        {
            return operation;
        }
        var policy = ConsistencyPolicy.Of(map.Settings.Replication, operation);
        return policy?.Proof == ReadProof.Session || (operation.IsWrite && map.IsLeaderless)
            ? operation with
            {
                Session = session.SeenOf(map.KeyspaceId, shardId),
            }
            : operation;
    }

    /// <summary>Takes note of an outcome; returns it as callers see it.</summary>
    public static OperationOutcome Note(
        this ClientSession? session,
        KeyspaceMap map,
        ReplicaBatcher lane,
        OperationOutcome outcome,
        Attempt attempt
    )
    {
        var isPlain = outcome is { Kind: OutcomeKind.NotFound, Version.IsNone: false };
        if (
            session is not null
            && attempt.Reply is { } reply
            && outcome.Kind is OutcomeKind.Ok or OutcomeKind.NotFound or OutcomeKind.PreconditionFailed
        )
        {
            if (!map.IsLeaderless)
            {
                session.Saw(map.KeyspaceId, lane.Key.ShardId, new(0, reply.Revision));
            }
            else if (outcome.Acknowledged > 0 && !outcome.Version.IsNone)
            {
                session.Saw(map, lane.Key, outcome.Acknowledged, outcome.Version.Revision);
            }
        }
        return isPlain ? OperationOutcome.NotFound : outcome;
    }

    /// <summary>Takes note of an entry that was kept: its session has seen that, and nothing of the shard besides.</summary>
    public static void Note(this ClientSession? session, KeyspaceMap map, CachedEntry entry)
    {
        var outcome = entry.Outcome;
        if (session is null)
        {
            return;
        }
        if (!map.IsLeaderless)
        {
            session.Saw(map.KeyspaceId, entry.Replica.ShardId, new(0, outcome.Version.Revision));
        }
        else if (outcome.Acknowledged > 0)
        {
            session.Saw(map, entry.Replica, outcome.Acknowledged, outcome.Version.Revision);
        }
    }

    /// <summary>Takes note of a page.</summary>
    public static void Note(this ClientSession? session, KeyspaceMap map, ReplicaBatcher lane, ScanReply page)
    {
        if (session is null || page.Revision == 0)
        {
            return;
        }
        if (!map.IsLeaderless)
        {
            session.Saw(map.KeyspaceId, lane.Key.ShardId, new(0, page.Revision));
        }
        else if (page.HeldBy > 0)
        {
            session.Saw(map, lane.Key, page.HeldBy, page.Revision);
        }
    }

    /// <summary>
    /// What so many replicas of a leaderless shard hold is found by a merge of others, if they are sure to overlap; else the
    /// replica that answered must be asked.
    /// </summary>
    private static void Saw(
        this ClientSession session,
        KeyspaceMap map,
        Topology.ReplicaKey answered,
        int heldBy,
        ulong stamp
    )
    {
        var counted = Array.Find(map.Shards, shard => shard.ShardId == answered.ShardId)?.Counted ?? int.MaxValue;
        var isSpread = heldBy > counted - ConsistencyPolicy.SessionReplicas(map.Settings, counted);
        session.Saw(map.KeyspaceId, answered.ShardId, new(isSpread ? 0 : answered.ReplicaId, stamp));
    }
}
