namespace Exapyte.Keyspaces;

/// <summary>
/// How many replicas a leaderless shard's writes and reads need, from the settings and the replicas that are placed.
/// With fewer nodes than wanted replicas the quorums shrink with the placement; what never shrinks is their overlap.
/// </summary>
/// <param name="Write">Replicas that must hold a write before it is acknowledged.</param>
/// <param name="Read">Replicas that a quorum read asks.</param>
public readonly record struct QuorumSizes(int Write, int Read)
{
    /// <summary>The sizes for one shard.</summary>
    /// <param name="settings">The keyspace's settings.</param>
    /// <param name="placed">Replicas in the shard's placement, dead ones counted.</param>
    /// <returns>
    /// Quorum keyspaces: both within 1 to <paramref name="placed"/> and together more than it; (1, 1), which nothing can
    /// meet, where none is placed. Raft and async keyspaces: majorities; what an async one asks by itself is one replica.
    /// </returns>
    public static QuorumSizes Of(KeyspaceSettings settings, int placed)
    {
        if (placed <= 0)
        {
            return new(1, 1);
        }
        var majority = KeyspaceRules.Majority(placed);
        if (settings.Replication != ReplicationKind.Quorum)
        {
            return new(majority, majority);
        }
        var write = Math.Clamp(settings.WriteQuorum ?? majority, 1, placed);
        var read = Math.Clamp(settings.ReadQuorum ?? majority, 1, placed);
        // Writes keep the durability that was asked for; reads make up for what the overlap lacks.
        return new(write, Math.Max(read, placed - write + 1));
    }
}
