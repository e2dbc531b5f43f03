using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Rules;

/// <summary>What <see cref="ConsistencyPolicy"/> means for a client: which levels it refuses, and where it sends the others.</summary>
internal static class LevelRules
{
    /// <summary>Whether a read may ask for this level.</summary>
    public static bool IsForReads(ReplicationKind replication, ConsistencyLevel level) =>
        ConsistencyPolicy.OfRead(replication, level) is not null;

    /// <summary>Whether a write may ask for this level. In a raft keyspace a write always takes a majority.</summary>
    public static bool IsForWrites(ReplicationKind replication, ConsistencyLevel level) =>
        ConsistencyPolicy.OfWrite(replication, level) is not null;

    /// <summary>What the default and the aliases stand for.</summary>
    public static ConsistencyLevel Resolve(ReplicationKind replication, ConsistencyLevel level) =>
        ConsistencyPolicy.OfRead(replication, level)?.Level ?? level;

    /// <summary>Leaders are for what must be linearizable; everything else goes to whom is near.</summary>
    public static Preference PreferenceOf(ReplicationKind replication, bool isWrite, ConsistencyLevel level) =>
        replication == ReplicationKind.Raft
        && (isWrite || ConsistencyPolicy.OfRead(replication, level) is { NeedsLeader: true })
            ? Preference.Leader
            : Preference.Nearest;

    /// <summary>Why a read cannot ask for this level; null where it can.</summary>
    public static string? ReasonAgainstRead(ReplicationKind replication, ConsistencyLevel level) =>
        IsForReads(replication, level) ? null
        : replication == ReplicationKind.Raft
            ? $"Level {Named(level)} does not go with reads of a raft keyspace: use linearizable, bounded, session or eventual."
        : $"Level {Named(level)} does not go with reads of a leaderless keyspace: use one, quorum, all or session.";

    /// <summary>Why a write cannot ask for this level; null where it can.</summary>
    public static string? ReasonAgainstWrite(ReplicationKind replication, ConsistencyLevel level) =>
        IsForWrites(replication, level) ? null
        : replication == ReplicationKind.Raft
            ? $"Level {Named(level)} does not go with writes of a raft keyspace, which always take a majority: leave it out."
        : $"Level {Named(level)} does not go with writes of a leaderless keyspace: use one, quorum or all.";

    private static string Named(ConsistencyLevel level) => level.ToString().ToLowerInvariant();
}
