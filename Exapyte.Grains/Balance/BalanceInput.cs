namespace Exapyte.Grains.Balance;

/// <summary>A node that may take replicas: alive, not draining.</summary>
/// <param name="Node">Its id.</param>
/// <param name="Zone">Its failure zone (region and zone).</param>
/// <param name="Weight">How much it is to carry beside the others, at least 1.</param>
/// <param name="FreeBytes">Bytes free on its disk.</param>
internal readonly record struct BalanceNode(string Node, string Zone, int Weight, long FreeBytes = long.MaxValue);

/// <summary>A shard and the nodes of its replicas.</summary>
/// <param name="Keyspace">The keyspace's name.</param>
/// <param name="ShardId">The shard's id.</param>
/// <param name="Nodes">The nodes of its replicas, none twice; where it has a leader, that one's first.</param>
/// <param name="Bytes">About how many bytes a replica takes.</param>
/// <param name="MayMove">Whether a replica of it may move: it is short of none, does not change, and all are alive.</param>
/// <param name="IsLed">Whether it has a leader.</param>
internal sealed record BalanceShard(
    string Keyspace,
    long ShardId,
    string[] Nodes,
    long Bytes,
    bool MayMove,
    bool IsLed
);
