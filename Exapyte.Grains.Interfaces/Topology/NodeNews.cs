using System.Collections.Frozen;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Topology;

/// <summary>A replica that leads its shard now, as a member of its group on this node has heard.</summary>
/// <param name="Keyspace">The keyspace's name.</param>
/// <param name="ShardId">The shard.</param>
/// <param name="LeaderReplicaId">Who leads.</param>
public readonly record struct LeaderChange(string Keyspace, long ShardId, long LeaderReplicaId);

/// <summary>Carries word from the node of a process to the client in it, which finds out later and dearer without.</summary>
public sealed class NodeNews
{
    private volatile FrozenSet<string> lostNodes = FrozenSet<string>.Empty;
    private volatile IReadOnlyList<string> startReasons = [];

    /// <summary>
    /// New leaders. Members of a group know a new leader by its first message; a client finds out when the old one does not
    /// answer, which takes longer where that one is frozen or cut off.
    /// </summary>
    public News<LeaderChange> Leaders { get; } = new();

    /// <summary>
    /// New maps, once the node hosts what they place on it. A client finds out from a replica that answers; one whose map
    /// names only nodes that are gone finds nobody.
    /// </summary>
    public News<KeyspaceMap> Maps { get; } = new();

    /// <summary>Changes of entries that the client may keep, by the node's own replicas and by word of other nodes.</summary>
    public News<ChangedKeys> Changes { get; } = new();

    /// <summary>
    /// Nodes with which the node of this process shares shards and of which it has heard nothing for the length of two
    /// elections: a call to one of them is answered late, if ever. Swapped whole. Thread-safe.
    /// </summary>
    public FrozenSet<string> LostNodes
    {
        get => lostNodes;
        set => lostNodes = value;
    }

    /// <summary>
    /// Why the node of this process cannot serve yet what it hosted when it started; empty once it can. Swapped whole.
    /// Thread-safe.
    /// </summary>
    public IReadOnlyList<string> StartReasons
    {
        get => startReasons;
        set => startReasons = value;
    }
}

/// <summary>One kind of news. Thread-safe.</summary>
/// <typeparam name="T">What is told.</typeparam>
public sealed class News<T>
{
    private readonly Lock gate = new();
    private volatile Action<T>[] listeners = [];

    /// <summary>Adds a listener, which is called on the teller's thread and must neither wait nor throw.</summary>
    public void Listen(Action<T> listener)
    {
        ArgumentNullException.ThrowIfNull(listener);
        lock (gate)
        {
            listeners = [.. listeners, listener];
        }
    }

    /// <summary>Tells all listeners.</summary>
    public void Tell(T news)
    {
        foreach (var listener in listeners)
        {
            listener(news);
        }
    }
}
