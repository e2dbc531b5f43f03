using Exapyte.Keyspaces;

namespace Exapyte.Grains.Interfaces.Tests;

internal static class Maps
{
    /// <summary>A map whose shards own equal ranges.</summary>
    public static KeyspaceMap Even(int shards, KeyspaceSettings? settings = null) =>
        Of([.. Enumerable.Range(0, shards).Select(at => at * KeyHash.Slots / shards)], settings);

    /// <summary>A map whose shards begin at these slots.</summary>
    public static KeyspaceMap Of(int[] firstSlots, KeyspaceSettings? settings = null) =>
        new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 1,
            Settings = settings ?? new(),
            Shards = [.. firstSlots.Select((slot, at) => Shard(at + 1, slot))],
        };

    /// <summary>A map of a range keyspace whose shards but the first begin at these keys.</summary>
    public static KeyspaceMap Range(byte[][] splits, long? splitBytes = null)
    {
        var settings = new KeyspaceSettings
        {
            Distribution = DistributionKind.Range,
            SplitKeys = splits.Length == 0 ? null : new() { Keys = splits },
            SplitBytes = splitBytes,
        };
        var map = Of(new int[splits.Length + 1], settings);
        return map with
        {
            Shards = [.. map.Shards.Select((shard, at) => at == 0 ? shard : shard with { Start = splits[at - 1] })],
        };
    }

    private static ShardPlacement Shard(long id, int firstSlot) =>
        new()
        {
            ShardId = id,
            FirstSlot = firstSlot,
            Replicas = [new() { ReplicaId = id * 10, Node = "n1" }],
        };
}
