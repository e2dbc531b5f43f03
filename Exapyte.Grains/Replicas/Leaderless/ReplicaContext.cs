using Exapyte.Grains.Nodes;
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
