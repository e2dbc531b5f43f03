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

    private static ShardPlacement Shard(long id, int firstSlot) =>
        new()
        {
            ShardId = id,
            FirstSlot = firstSlot,
            Replicas = [new() { ReplicaId = id * 10, Node = "n1" }],
        };
}
