using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// A hosted replica of a leaderless shard. It stamps writes with the node's hybrid clock, makes them durable here,
/// pushes them to the other replicas and answers once as many hold them as the level asks for. Thread-safe.
/// </summary>
/// <remarks>
/// One that is joining takes pushes and copies the others (<see cref="CopyIn"/>), one that is leaving passes on what it
/// has: both serve no client and count for no quorum.
/// </remarks>
internal sealed partial class LeaderlessReplica : IReplica, IDisposable
{
    private readonly NodeServices node;
    private readonly ReplicaIdentity identity;
    private readonly LocalCopy local;
    private readonly PushMarks marks;
    private readonly PushLog? pushLog;
    private readonly ReplicaContext context;
    private readonly LeaderlessWrites writes;
    private readonly LeaderlessReads reads;
    private readonly ShardListings listings;
    private readonly SessionReads sessions;
    private readonly ReplicaDigests digests;
    private readonly DamageReport damage;
    private readonly CopyIn copy;
    private readonly ShardComparison comparison;
    private volatile string stopped = "";

    /// <summary>Starts a replica; it serves once it has a map.</summary>
    /// <param name="node">What the replicas of the node share.</param>
    /// <param name="identity">Who it is.</param>
    /// <param name="local">What it holds.</param>
    public LeaderlessReplica(NodeServices node, ReplicaIdentity identity, LocalCopy local)
    {
        this.node = node;
        this.identity = identity;
        this.local = local;
        marks = new(local, local.Log);
        context = new(node, identity, local);
        digests = new(local.Store, node.Comparing, context.NewPace, context.Stop);
        damage = new(context);
        pushLog = local.Log is null ? null : new(local.Log, node.StoreId);
        copy = new(context, damage);
        comparison = new(context, digests, damage);
        var quorumReads = new QuorumReads(context);
        writes = new(context);
        listings = new(context, copy, quorumReads);
        sessions = new(context, copy, quorumReads, listings);
        reads = new(context, copy, quorumReads, sessions);
        local.Merged = Merged;
    }

    /// <inheritdoc/>
    public ReplicaIdentity Identity => identity;

    /// <inheritdoc/>
    public ulong StorePrefix => identity.StorePrefix;

    /// <summary>What comparing it has found and moved since it was started.</summary>
    public ComparisonTotals Totals => context.Totals;

    private long NowMs => context.NowMs;

    /// <inheritdoc/>
    public ReplicaStatus Status()
    {
        var peers = context.Peers;
        var isJoining = copy.IsJoining;
        var evicted = (local.Store as MemoryStore)?.Statistics ?? default;
        return new()
        {
            ReplicaId = identity.ReplicaId,
            Node = node.NodeId,
            Role =
                stopped.Length > 0 ? "stopped"
                : isJoining ? "joining"
                : peers is { Map: not null, SelfCounts: false } ? "leaving"
                : "replica",
            AppliedIndex = local.Store.AppliedIndex,
            Entries = local.Store.ApproximateCount,
            Bytes = local.Store.ApproximateEntryBytes,
            PendingPushes = peers.Others.Sum(peer => peer.Lane.Waiting),
            EvictedEntries = evicted.EvictedEntries,
            EvictedBytes = evicted.EvictedBytes,
            Problem = Problem,
            MapEpoch = peers.Epoch,
            EarlierHaveEnded = peers.EarlierHaveEnded,
            CaughtUp = isJoining && damage.Reason.Length == 0 && copy.CaughtUpAt == peers.Epoch,
        };
    }

    private string Problem =>
        stopped.Length > 0 ? stopped
        : local.Failure.Length > 0 ? local.Failure
        : damage.Reason.Length > 0 ? damage.Reason
        : copy.Problem;

    /// <inheritdoc/>
    public void Tick()
    {
        if (!node.IsDiskFull)
        {
            local.Resume();
        }
        if (stopped.Length > 0)
        {
            return;
        }
        if (local.Damage is { } met)
        {
            damage.Found(met.Message);
        }
        damage.Tick();
        copy.Tick();
        comparison.Tick();
        ConsiderCounting();
    }

    private void ConsiderCounting()
    {
        if (context.Peers.Map is not { } map || local.Failure.Length > 0)
        {
            return;
        }
        try
        {
            local.Count(map.Settings.Quota is not null, NowMs);
        }
        catch (StoreFailedException failure)
        {
            // The next tick tries again.
            Met(failure);
        }
    }

    /// <inheritdoc/>
    public ShardUse? Use =>
        local.Usage.At(NowMs) is { } held
            ? new() { ShardId = identity.ShardId, Usage = AtMost(held, local.Store as MemoryStore) }
            : null;

    /// <inheritdoc/>
    public long StoredBytes => local.Store.ApproximateBytes;

    /// <summary>A store that lets entries go for want of memory does not tell which: no more is there than it holds.</summary>
    private static Usage AtMost(Usage held, MemoryStore? memory) =>
        memory is { Statistics.EvictedEntries: > 0 }
            ? new(Math.Min(held.Entries, memory.ApproximateCount), Math.Min(held.Bytes, memory.ApproximateBytes))
            : held;

    /// <inheritdoc/>
    public ValueTask HandOver() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public bool Deliver(PeerMessage message) => true;

    /// <inheritdoc/>
    public void Compact()
    {
        local.Resume();
        var current = context.Peers;
        if (local.Log is { } log)
        {
            var forget = marks.Advance(
                current.Others.Select(peer => (peer.ReplicaId, peer.Lane)),
                local.Store.ReadFlushedIndex(),
                log.CountWithin(
                    local.Store.AppliedIndex,
                    node.Options.UnpushedBytesMax,
                    node.Options.UnpushedEntriesMax
                )
            );
            node.Log.Compact(new((ulong)identity.ReplicaId), forget, term: 0);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// What expired is kept for a while as the tombstone that it is: were it dropped at once, a replica that still holds
    /// an older write of the key could bring that back.
    /// </remarks>
    public void Sweep() =>
        local.Store.SweepExpired(
            NowMs - (long)node.Options.TombstoneGrace.TotalMilliseconds,
            node.Options.SweepEntriesMax
        );

    /// <inheritdoc/>
    public ValueTask Stop()
    {
        stopped = "The replica has been stopped on this node.";
        Dispose();
        foreach (var peer in context.Peers.Others)
        {
            peer.Lane.Stop();
        }
        // What it took of the memory others may have.
        (local.Store as MemoryStore)?.Dispose();
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public void Dispose() => context.Dispose();

    private void Merged(StampedEntry[] entries, bool isOwn)
    {
        if (context.Peers.Map is { Settings.Cache: not null } map)
        {
            node.Changes.Tell(
                map,
                new()
                {
                    KeyspaceId = identity.KeyspaceId,
                    ShardId = identity.ShardId,
                    Keys = Array.ConvertAll(entries, entry => entry.Key),
                    Versions = Array.ConvertAll(entries, entry => entry.Version),
                },
                tellsOthers: isOwn
            );
        }
    }

    /// <summary>Why it serves no client; null where it does. Without a map each operation says so itself.</summary>
    private string? Refusal(ShardPeers current) =>
        stopped.Length > 0 ? stopped
        : current is { Map: not null, SelfCounts: false }
            ? "This replica is joining its shard or leaving it: others serve."
        : null;
}
