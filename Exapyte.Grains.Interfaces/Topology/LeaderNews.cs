namespace Exapyte.Topology;

/// <summary>A replica that leads its shard now, as a member of its group on this node has heard.</summary>
/// <param name="Keyspace">The keyspace's name.</param>
/// <param name="ShardId">The shard.</param>
/// <param name="LeaderReplicaId">Who leads.</param>
public readonly record struct LeaderChange(string Keyspace, long ShardId, long LeaderReplicaId);

/// <summary>
/// Carries word of new leaders from the node of a process to the client in it. Members of a group know a new leader by
/// its first message; without them a client finds out when the old one does not answer, which takes longer where that
/// one is frozen or cut off. Thread-safe.
/// </summary>
public sealed class LeaderNews
{
    private readonly Lock gate = new();
    private volatile Action<LeaderChange>[] listeners = [];

    /// <summary>Adds a listener, which is called on the replica's thread and must neither wait nor throw.</summary>
    public void Listen(Action<LeaderChange> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        lock (gate)
        {
            listeners = [.. listeners, listener];
        }
    }

    /// <summary>Tells all listeners.</summary>
    public void Tell(LeaderChange change)
    {
        foreach (var listener in listeners)
        {
            listener(change);
        }
    }
}
