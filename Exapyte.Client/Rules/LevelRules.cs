using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Rules;

/// <summary>What <see cref="ConsistencyPolicy"/> means for where a client sends an operation.</summary>
internal static class LevelRules
{
    /// <summary>What the default and the aliases stand for.</summary>
    public static ConsistencyLevel Resolve(ReplicationKind replication, ConsistencyLevel level) =>
        ConsistencyPolicy.OfRead(replication, level)?.Level ?? level;

    /// <summary>Leaders are for writes and for what must be linearizable; everything else goes to whom is near.</summary>
    public static Preference PreferenceOf(ReplicationKind replication, bool isWrite, ConsistencyLevel level) =>
        replication == ReplicationKind.Raft && isWrite ? Preference.Leader
        : ConsistencyPolicy.OfRead(replication, level) is { NeedsLeader: true } ? Preference.AnyMember
        : Preference.Nearest;
}
