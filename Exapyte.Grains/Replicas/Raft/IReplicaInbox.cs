using Exapyte.Keyspaces;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>A raft replica as its callers reach it. Thread-safe.</summary>
internal interface IReplicaInbox
{
    /// <summary>The replica as it is now.</summary>
    ReplicaView View { get; }

    /// <summary>The map that it serves by; null before it knows one.</summary>
    KeyspaceMap? Map { get; }

    /// <summary>The node's time, Unix milliseconds.</summary>
    long NowMs { get; }

    /// <summary>The machine's monotonic clock, in microseconds since some moment.</summary>
    long SteadyUs { get; }

    /// <summary>Whether log or store of the node found no space and have not yet found some again.</summary>
    bool IsDiskFull { get; }

    /// <summary>What the shard may hold of its keyspace's quota.</summary>
    /// <param name="current">The map, with a quota.</param>
    /// <param name="held">What the shard holds.</param>
    /// <param name="put">What is to be put at most.</param>
    ValueTask<Usage> LimitsOf(KeyspaceMap current, Usage held, Usage put);

    /// <summary>Posts what a caller asks; false where the queue is full.</summary>
    bool TryPost(ReplicaInput input);

    /// <summary>Posts what must not be lost.</summary>
    void Post(ReplicaInput input);
}
