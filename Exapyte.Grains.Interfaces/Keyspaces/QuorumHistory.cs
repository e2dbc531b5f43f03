namespace Exapyte.Keyspaces;

/// <summary>
/// Whether the quorums of a keyspace may change, given what was acknowledged by those it had. Pure.
/// </summary>
/// <remarks>
/// A write that W of N counted replicas acknowledged may be missing on N - W of them, and stays so until the replicas have
/// been compared, which nothing waits for. So over all that a keyspace has been, an acknowledged write may be missing on as
/// many replicas as the largest N - W it ever had; a read meets it only if it asks more. A replica that is added has copied
/// from all others, so that what was acknowledged before is not missing on more replicas for it. Quorums are sized by the
/// replicas that count, lost ones included: a lost one held a write or did not, and answers nobody.
/// While a new map is on its way some nodes use the one before, so the quorums of both must meet; hence a change waits until
/// every node has the map that it changes.
/// </remarks>
public static class QuorumHistory
{
    /// <summary>On how many counted replicas of a shard a write that the map's quorums acknowledge may be missing, at most.</summary>
    public static int MissingMax(KeyspaceMap map) =>
        map.Settings.Replication == ReplicationKind.Quorum
            ? map.Shards.Max(shard => shard.Counted - QuorumSizes.Of(map.Settings, shard.Counted).Write)
            : 0;

    /// <summary>Whether the settings give any shard other quorums than the map's.</summary>
    public static bool IsChange(KeyspaceMap map, KeyspaceSettings wanted) =>
        map.Settings.Replication == ReplicationKind.Quorum
        && Array.Exists(
            map.Shards,
            shard => QuorumSizes.Of(map.Settings, shard.Counted) != QuorumSizes.Of(wanted, shard.Counted)
        );

    /// <summary>Why the quorums cannot become what the settings ask for; empty where they can.</summary>
    /// <param name="map">The map, which every node has.</param>
    /// <param name="wanted">The settings.</param>
    /// <param name="missingMax">The largest <see cref="MissingMax"/> that the keyspace ever had, this map's included.</param>
    public static IReadOnlyList<string> ReasonsAgainst(KeyspaceMap map, KeyspaceSettings wanted, int missingMax)
    {
        if (!IsChange(map, wanted))
        {
            return [];
        }
        foreach (var shard in map.Shards)
        {
            var before = QuorumSizes.Of(map.Settings, shard.Counted);
            var after = QuorumSizes.Of(wanted, shard.Counted);
            if (after.Read <= missingMax)
            {
                return
                [
                    $"readQuorum {after.Read} could miss writes that were acknowledged by fewer replicas than now: they may be "
                        + $"missing on {missingMax} of them. Keep readQuorum at {missingMax + 1} or more; or make a keyspace with "
                        + "the quorums you want and restore a backup of this one into it.",
                ];
            }
            if (after.Write + before.Read <= shard.Counted)
            {
                return
                [
                    $"writeQuorum {after.Write} and the readQuorum {before.Read} of now, which some node may go on using for a "
                        + $"moment, are together no more than the {shard.Counted} replicas. First raise readQuorum to "
                        + $"{shard.Counted - after.Write + 1} or more, and lower writeQuorum when that is done.",
                ];
            }
        }
        return [];
    }
}
