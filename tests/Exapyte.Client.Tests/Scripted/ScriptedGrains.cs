using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;
using Orleans.Concurrency;

namespace Exapyte.Client.Tests.Scripted;

[Reentrant]
public sealed class ScriptedRaftGroupGrain : Grain, IRaftGroupGrain
{
    public ValueTask<BatchReply> Execute(OperationBatch batch) => Replica.ExecuteAsync(batch, raft: true);

    public ValueTask<ScanReply> Scan(ScanRequest request) => Replica.ScanAsync(request, raft: true);

    public ValueTask<ReplicaStatus> Status() => throw new NotSupportedException();

    public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request) => throw new NotSupportedException();

    public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) => throw new NotSupportedException();

    private ScriptedReplica Replica => ScriptedLookup.ReplicaOf(this.GetPrimaryKeyString());
}

[Reentrant]
public sealed class ScriptedShardGrain : Grain, IShardGrain
{
    public ValueTask<BatchReply> Execute(OperationBatch batch) => Replica.ExecuteAsync(batch, raft: false);

    public ValueTask<ScanReply> Scan(ScanRequest request) => Replica.ScanAsync(request, raft: false);

    public ValueTask<ReplicaStatus> Status() => throw new NotSupportedException();

    public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request) => throw new NotSupportedException();

    public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) => throw new NotSupportedException();

    public ValueTask<ReplicateReply> Replicate(ReplicateRequest request) => throw new NotSupportedException();

    public ValueTask<LocalReadReply> ReadLocal(LocalReadRequest request) => throw new NotSupportedException();

    public ValueTask<LocalScanReply> ScanLocal(LocalScanRequest request) => throw new NotSupportedException();

    private ScriptedReplica Replica => ScriptedLookup.ReplicaOf(this.GetPrimaryKeyString());
}

[Reentrant]
public sealed class ScriptedMapGrain : Grain, IMapGrain
{
    public async ValueTask<KeyspaceMap?> Find(string keyspace, long newerThan)
    {
        if (ScriptedKeyspace.Find(keyspace) is not { } known)
        {
            return null;
        }
        known.CountFind();
        if (known.BeforeFind is { } before)
        {
            await before();
        }
        return known.Map;
    }
}

[Reentrant]
public sealed class ScriptedKeyspaceGrain : Grain, IKeyspaceGrain
{
    public Task<KeyspaceReply> Put(KeyspaceSettings settings) =>
        Task.FromResult(Known is { } known ? Ok(known) : new() { Outcome = KeyspaceOutcome.Created });

    public Task<KeyspaceReply> Get() =>
        this.GetPrimaryKeyString().StartsWith("down", StringComparison.Ordinal)
            ? throw new InvalidOperationException("The database is down.")
            : Task.FromResult(Known is { } known ? Ok(known) : new() { Outcome = KeyspaceOutcome.NotFound });

    public Task<KeyspaceReply> Delete()
    {
        if (Known is not { } known)
        {
            return Task.FromResult(new KeyspaceReply { Outcome = KeyspaceOutcome.NotFound });
        }
        known.Map = null;
        return Task.FromResult(new KeyspaceReply { Outcome = KeyspaceOutcome.Ok });
    }

    public Task<SplitReply> Split(byte[] key) => throw new NotSupportedException();

    public Task<KeyspaceMap?> CurrentMap(long keyspaceId) => Task.FromResult(Known?.Map);

    private ScriptedKeyspace? Known =>
        ScriptedKeyspace.Find(this.GetPrimaryKeyString()) is { Map: not null } known ? known : null;

    private static KeyspaceReply Ok(ScriptedKeyspace known) => new() { Outcome = KeyspaceOutcome.Ok, Map = known.Map };
}

[Reentrant]
public sealed class ScriptedControlPlaneGrain : Grain, IControlPlaneGrain
{
    public Task<RegisterReply> Register(NodeRegistration registration) => throw new NotSupportedException();

    public Task<ClusterTopology> Topology() => Task.FromResult(ScriptedNodes.Topology);

    public Task<long> IssueIds(int count) => throw new NotSupportedException();

    public Task AddKeyspace(string name, long keyspaceId) => throw new NotSupportedException();

    public Task RemoveKeyspace(string name, long keyspaceId) => throw new NotSupportedException();

    public Task<NodesReport> Nodes() => throw new NotSupportedException();

    public Task<NodeReply> DrainNode(string node) => throw new NotSupportedException();

    public Task<NodeReply> ResumeNode(string node) => throw new NotSupportedException();

    public Task<NodeReply> RemoveNode(string node, bool force) => throw new NotSupportedException();

    public Task<int> TakeMoves(string keyspace, int underWay, int wanted) => throw new NotSupportedException();

    public Task<string[]> Keyspaces() =>
        Task.FromResult(ScriptedKeyspace.All.Select(known => known.Name).Order(StringComparer.Ordinal).ToArray());
}

/// <summary>n3 never answers; the others host what they are told, but none of the last placed replicas.</summary>
[Reentrant]
public sealed class ScriptedNodeGrain : Grain, INodeGrain
{
    public ValueTask<ApplyMapReply> ApplyMap(KeyspaceMap map) => throw new NotSupportedException();

    public ValueTask<DeliverReply> Deliver(PeerBatch batch) => throw new NotSupportedException();

    public ValueTask<ShardUse[]> Uses(long keyspaceId) => new([]);

    public ValueTask<NodeLoad> Load() => throw new NotSupportedException();

    public ValueTask<byte[]?> MiddleKey(long keyspaceId, long shardId) => throw new NotSupportedException();

    public ValueTask<NodeSizes> Sizes() => throw new NotSupportedException();

    public ValueTask Invalidate(ChangedKeys[] changes) => throw new NotSupportedException();

    public ValueTask Leave() => throw new NotSupportedException();

    public ValueTask<ReplicaStatus[]> Replicas(long keyspaceId)
    {
        var node = NodeKey.NodeIn(this.GetPrimaryKeyString()).ToString();
        if (node == "n3")
        {
            throw new InvalidOperationException("This node is broken.");
        }
        var known = ScriptedKeyspace.All.Single(keyspace => keyspace.KeyspaceId == keyspaceId);
        return new([
            .. known
                .Shards.SelectMany(shard => shard.Replicas)
                .Where(replica => replica.Node == node && replica.Hosted)
                .Select(replica => new ReplicaStatus
                {
                    ReplicaId = replica.ReplicaId,
                    Node = node,
                    Role = "follower",
                }),
        ]);
    }
}

internal static class ScriptedLookup
{
    public static ScriptedReplica ReplicaOf(string key)
    {
        Assert.True(ReplicaKey.TryParse(key, out var parsed), $"'{key}' is no key of a replica.");
        var replica = ScriptedKeyspace.Replica(parsed.ReplicaId);
        Assert.NotNull(replica);
        Assert.Equal(replica.Node, parsed.Node);
        return replica;
    }
}

/// <summary>Thrown before anything was sent.</summary>
[GenerateSerializer]
public sealed class NodeGoneException() : Exception("The node is absent."), INotSent;
