using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Whether and how a keyspace is split at a key: the new shard stands in the map from the decision on, right behind the one that
/// it is split from, with a replica beside each of that one's. The log of the shard does it (see the replica's
/// <c>SplitCommand</c>); once the new group has a leader, the shard counts like any other. Pure.
/// </summary>
internal static class ShardSplitPlan
{
    /// <summary>Why a keyspace cannot be split at a key; null where it can be.</summary>
    /// <param name="map">The map.</param>
    /// <param name="key">The first key of the new shard.</param>
    public static SplitReply? WhyNot(KeyspaceMap map, ReadOnlySpan<byte> key)
    {
        if (map.Settings.Distribution != DistributionKind.Range)
        {
            return Refused(SplitOutcome.NotPossible, "Only keyspaces with distribution range are split.");
        }
        if (map.IsLeaderless)
        {
            return Refused(
                SplitOutcome.NotPossible,
                "Shards of quorum and async keyspaces keep the bounds that splitKeys gave them."
            );
        }
        if (key.Length is 0 or > Limits.KeyBytesMax)
        {
            return Refused(SplitOutcome.NotPossible, $"A split key has 1 to {Limits.KeyBytesMax} bytes.");
        }
        var shard = map.Shards[map.ShardIndexOf(key)];
        if (shard.Start.AsSpan().SequenceEqual(key))
        {
            return Refused(SplitOutcome.NotPossible, "A shard begins at that key already.");
        }
        if (shard.IsChanging || map.FormingFrom(shard.ShardId) is not null)
        {
            return Refused(SplitOutcome.Changing, "The shard of that key is changing. Try again when that is done.");
        }
        return map.Shards.Length >= Limits.ShardsMax
            ? Refused(SplitOutcome.NotPossible, $"The keyspace has {Limits.ShardsMax} shards, and that is the most.")
            : null;
    }

    /// <summary>Ids that a split needs: one for the shard, one a replica.</summary>
    public static int IdsFor(KeyspaceMap map, ReadOnlySpan<byte> key) =>
        1 + map.Shards[map.ShardIndexOf(key)].Replicas.Length;

    /// <summary>The map with the new shard in it; its epoch is left to the caller.</summary>
    /// <param name="map">The map, which can be split there.</param>
    /// <param name="key">The first key of the new shard.</param>
    /// <param name="firstId">The first of <see cref="IdsFor"/> ids.</param>
    public static KeyspaceMap With(KeyspaceMap map, byte[] key, long firstId)
    {
        var at = map.ShardIndexOf(key);
        var parent = map.Shards[at];
        var replicaId = firstId;
        var child = new ShardPlacement
        {
            ShardId = firstId,
            FirstSlot = parent.FirstSlot,
            Start = key,
            SplitFrom = parent.ShardId,
            Founders = [],
            Replicas = Array.ConvertAll(
                parent.Replicas,
                beside => new ReplicaPlacement
                {
                    ReplicaId = ++replicaId,
                    Node = beside.Node,
                    NodeEpoch = beside.NodeEpoch,
                    Joining = true,
                }
            ),
        };
        return map with { Shards = [.. map.Shards[..(at + 1)], child, .. map.Shards[(at + 1)..]] };
    }

    private static SplitReply Refused(SplitOutcome outcome, string reason) =>
        new() { Outcome = outcome, Reason = reason };
}
