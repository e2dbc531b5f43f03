using Exapyte.Grains.Nodes;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What the parts of one leaderless replica share. Thread-safe.</summary>
internal sealed class ReplicaContext : IDisposable
{
    private readonly NodeServices node;
    private readonly ReplicaIdentity identity;
    private readonly LocalCopy local;
    private readonly CancellationTokenSource stopping = new();
    private ShardPeers peers = ShardPeers.None;

    public ReplicaContext(NodeServices node, ReplicaIdentity identity, LocalCopy local)
    {
        this.node = node;
        this.identity = identity;
        this.local = local;
        Stop = stopping.Token;
    }

    public NodeServices Node => node;

    public ReplicaIdentity Identity => identity;

    public LocalCopy Local => local;

    public ComparisonTotals Totals { get; } = new();

    /// <summary>The map and the other replicas in it.</summary>
    public ShardPeers Peers => Volatile.Read(ref peers);

    /// <summary>Cancelled when the replica is stopped.</summary>
    public CancellationToken Stop { get; }

    /// <summary>The time as best known: see <see cref="PeerClocks.NowMs"/>.</summary>
    public long NowMs => node.Clocks.NowMs;

    /// <summary>
    /// A copy in memory that has let entries go for want of space is a cache: what it lacks it is not to get back.
    /// </summary>
    public bool IsCache => local.Store is MemoryStore { Statistics.EvictedEntries: > 0 };

    /// <summary>Replicas of the shard that count and are in reach, as far as is known.</summary>
    /// <param name="current">The map and the other replicas.</param>
    /// <param name="selfCounts">Whether this one is among them.</param>
    public int InReach(ShardPeers current, bool selfCounts)
    {
        var count = selfCounts ? 1 : 0;
        foreach (var peer in current.Counting)
        {
            count += node.IsInReach(peer.Placed.Node) ? 1 : 0;
        }
        return count;
    }

    /// <summary>The refusal of an operation that takes more replicas than there are in reach.</summary>
    public OperationOutcome TooFew(int needed, int inReach, ShardPeers current) =>
        OperationOutcome.Of(
            OutcomeKind.NoQuorum,
            $"It takes {needed} of the shard's {current.Counted} replicas, and node {node.NodeId} knows of {inReach} in reach; "
                + "nothing changed. Try again when more nodes are up."
        );

    /// <summary>The next map is in use from now on.</summary>
    public void Use(ShardPeers next) => Volatile.Write(ref peers, next);

    /// <summary>A write begins by the map in use; <see cref="ShardPeers.End"/> must follow.</summary>
    public ShardPeers BeginWrite() => ShardPeers.Begin(ref peers);

    /// <summary>A bounded rate for one reading of a store.</summary>
    public ReadingPace NewPace() => new(node.Time, node.Options.CompareBytesPerSecond);

    /// <inheritdoc/>
    public void Dispose()
    {
        if (!Stop.IsCancellationRequested)
        {
            stopping.Cancel();
            stopping.Dispose();
        }
    }
}
