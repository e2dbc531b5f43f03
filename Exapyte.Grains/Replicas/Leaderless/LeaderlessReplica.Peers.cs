using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What it does for the other replicas of its shard.</summary>
internal sealed partial class LeaderlessReplica
{
    private static readonly TimeSpan DigestPatience = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public void UseMap(KeyspaceMap map, bool confirmed)
    {
        var before = context.Peers;
        var placement = Array.Find(map.Shards, shard => shard.ShardId == identity.ShardId);
        if (placement is null || before.Map?.Epoch >= map.Epoch)
        {
            return;
        }
        var others = placement
            .Replicas.Where(replica => replica.ReplicaId != identity.ReplicaId)
            .Select(replica => PeerAt(replica, before))
            .ToArray();
        var selfCounts = Array.Exists(
            placement.Replicas,
            replica => replica.ReplicaId == identity.ReplicaId && !replica.Joining
        );
        if (before.Map is null && !confirmed && identity.Storage == StorageKind.Memory && others.Length > 0)
        {
            // A map of the life before: what this replica held then is gone.
            copy.HasForgotten();
        }
        context.Use(new(map, placement, others, selfCounts, before));
        ConsiderCounting();
        foreach (var peer in others)
        {
            peer.Lane.MapEpoch = map.Epoch;
            if (!Array.Exists(before.Others, known => known.Lane == peer.Lane))
            {
                marks.Replay(peer.ReplicaId, peer.Lane);
            }
        }
        foreach (var gone in before.Others.Where(known => !Array.Exists(others, peer => peer.Lane == known.Lane)))
        {
            gone.Lane.Stop();
        }
    }

    /// <summary>Takes a peer's stamped writes; Ok once they are durable here.</summary>
    public async ValueTask<ReplicateReply> Accept(ReplicateRequest request)
    {
        var current = context.BeginWrite();
        try
        {
            var refusal =
                stopped.Length > 0 ? stopped
                : current.Map is null ? BatchPlan.NoMap
                : current.HasDropped(request.FromReplicaId, request.MapEpoch) ? Replaced
                : null;
            if (refusal is not null)
            {
                return new() { Kind = OutcomeKind.Unavailable, Detail = refusal };
            }
            foreach (var entry in request.Entries)
            {
                node.Clock.Observe(entry.Version.Revision);
            }
            var verdict = await local.Write(request.Entries);
            return new()
            {
                Kind = verdict.Kind,
                Detail = verdict.Detail,
                Winners = verdict.Winners ?? [],
            };
        }
        finally
        {
            current.End();
        }
    }

    /// <summary>This replica's own entries.</summary>
    public LocalReadReply ReadLocal(LocalReadRequest request)
    {
        var current = context.Peers;
        if (
            stopped.Length > 0
            || (!Counts(current) && !request.AsIs)
            || current.HasDropped(request.FromReplicaId, request.MapEpoch)
        )
        {
            return new() { Kind = OutcomeKind.Unavailable };
        }
        try
        {
            return new()
            {
                Kind = OutcomeKind.Ok,
                Entries = Array.ConvertAll(request.Keys, local.Read),
                StoreId = node.StoreId,
            };
        }
        catch (StoreFailedException failure)
        {
            Met(failure);
            return new() { Kind = OutcomeKind.Unavailable };
        }
    }

    /// <summary>A page of this replica's own entries.</summary>
    public async ValueTask<LocalScanReply> ScanLocal(LocalScanRequest request)
    {
        var current = context.Peers;
        if (stopped.Length > 0 || !Counts(current) || current.HasDropped(request.FromReplicaId, request.MapEpoch))
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = "It has not everything that it should have." };
        }
        try
        {
            // On the pool, for the grain has other callers.
            return await Task.Run(() => LocalRows.Read(local.Store, request));
        }
        catch (Exception failure) when (failure is StoreFailedException or ObjectDisposedException)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }

    /// <summary>
    /// Whether others may count on what it holds: it knows that it is one of the shard's and has everything that it should
    /// have. Without a map it knows neither.
    /// </summary>
    private bool Counts(ShardPeers current) => current is { Map: not null, SelfCounts: true } && !copy.IsRefilling;

    /// <summary>The digest of what this replica holds, or nothing yet.</summary>
    public async ValueTask<DigestReply> Digest(DigestRequest request)
    {
        var current = context.Peers;
        if (stopped.Length > 0 || !current.SelfCounts || copy.IsRefilling || context.IsCache)
        {
            return new()
            {
                Kind = OutcomeKind.Unavailable,
                Detail = context.IsCache
                    ? "It has let entries go for want of memory and is not compared any more."
                    : "It has not everything that it should have.",
            };
        }
        if (!digests.TryCompute(request.Terms, out var computing))
        {
            return new() { Kind = OutcomeKind.Overloaded, Detail = "Another digest is being computed." };
        }
        try
        {
            await Task.WhenAny(computing, Task.Delay(DigestPatience, node.Time));
            return new() { Kind = OutcomeKind.Ok, Leaves = computing.IsCompleted ? await computing : [] };
        }
        catch (OperationCanceledException)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = stopped };
        }
        catch (StoreFailedException failure)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }

    /// <summary>A page of the versions that this replica holds.</summary>
    public async ValueTask<StampsReply> Stamps(StampsRequest request)
    {
        var current = context.Peers;
        var refusal =
            stopped.Length > 0 ? stopped
            : current.Epoch < request.SinceEpoch ? $"It serves by the map of epoch {current.Epoch} as yet."
            : request.SinceEpoch > 0 && !current.EarlierHaveEnded ? "Writes by an earlier map are under way at it."
            : null;
        if (refusal is not null)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = refusal };
        }
        if (request.Leaves is { Length: 0 })
        {
            return new() { Kind = OutcomeKind.Ok };
        }
        try
        {
            // On the pool, for the grain has other callers.
            var page = await Task.Run(() =>
                StampPages.Read(local.Store, request.Terms, request.Leaves, request.Start, end: null)
            );
            return new()
            {
                Kind = OutcomeKind.Ok,
                Stamps = [.. page.Stamps],
                Next = page.Next,
            };
        }
        catch (Exception failure) when (failure is StoreFailedException or ObjectDisposedException)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }

    private const string Replaced = "The sending replica has been replaced: its map is old.";

    private string Met(Exception failure)
    {
        if (failure is StoreDamagedException)
        {
            damage.Found(failure.Message);
        }
        return failure.Message;
    }

    private ShardPeer PeerAt(ReplicaPlacement placed, ShardPeers before)
    {
        if (Array.Find(before.Others, known => known.ReplicaId == placed.ReplicaId) is { } known)
        {
            return known with { Placed = placed };
        }
        var key = new ReplicaKey(identity.KeyspaceId, identity.ShardId, placed.ReplicaId, placed.Node).ToString();
        var grain = node.Grains.GetGrain<IShardGrain>(key);
        return new(
            placed,
            grain,
            node.Grains.GetGrain<IShardComparison>(key),
            new(
                grain,
                () => node.Peers.IsAlive(placed.Node),
                identity.ReplicaId,
                node.Time,
                node.Options.Push,
                node.Pushes,
                pushLog
            )
        );
    }
}
