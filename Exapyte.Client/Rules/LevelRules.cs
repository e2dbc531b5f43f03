using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Rules;

/// <summary>Which consistency levels go with which kind of replication, and what a level means for routing.</summary>
internal static class LevelRules
{
    /// <summary>Whether a read may ask for this level.</summary>
    public static bool IsForReads(ReplicationKind replication, ConsistencyLevel level) =>
        level switch
        {
            ConsistencyLevel.Default or ConsistencyLevel.Session or ConsistencyLevel.Eventual => true,
            ConsistencyLevel.Linearizable or ConsistencyLevel.Bounded => replication == ReplicationKind.Raft,
            ConsistencyLevel.One or ConsistencyLevel.Quorum or ConsistencyLevel.All => replication
                != ReplicationKind.Raft,
            _ => false,
        };

    /// <summary>Whether a write may ask for this level. In a raft keyspace a write always takes a majority.</summary>
    public static bool IsForWrites(ReplicationKind replication, ConsistencyLevel level) =>
        level switch
        {
            ConsistencyLevel.Default => true,
            ConsistencyLevel.Linearizable => replication == ReplicationKind.Raft,
            ConsistencyLevel.One or ConsistencyLevel.Quorum or ConsistencyLevel.All or ConsistencyLevel.Eventual =>
                replication != ReplicationKind.Raft,
            _ => false,
        };

    /// <summary>What the default and the aliases stand for.</summary>
    public static ConsistencyLevel Resolve(ReplicationKind replication, ConsistencyLevel level) =>
        (replication, level) switch
        {
            (ReplicationKind.Raft, ConsistencyLevel.Default) => ConsistencyLevel.Linearizable,
            (ReplicationKind.Quorum, ConsistencyLevel.Default) => ConsistencyLevel.Quorum,
            (ReplicationKind.Async, ConsistencyLevel.Default) => ConsistencyLevel.One,
            (ReplicationKind.Quorum or ReplicationKind.Async, ConsistencyLevel.Eventual) => ConsistencyLevel.One,
            _ => level,
        };

    /// <summary>Leaders are for what must be linearizable; everything else goes to whom is near.</summary>
    public static Preference PreferenceOf(ReplicationKind replication, bool isWrite, ConsistencyLevel level) =>
        replication == ReplicationKind.Raft
        && (isWrite || level is ConsistencyLevel.Default or ConsistencyLevel.Linearizable)
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
