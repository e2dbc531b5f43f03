using Exapyte.Grains.Nodes;
using Exapyte.Grains.Placement;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// The face of a hosted replica towards callers: finds it by the key and adds what every answer says. A grain whose
/// replica is not hosted answers so; it never creates one.
/// </summary>
internal abstract class ReplicaGrain(NodeHost host) : Grain
{
    private ReplicaKey key;

    /// <summary>The replica; null where it is not hosted here (any more).</summary>
    protected IReplica? Replica => host.Replicas.Find(key.ReplicaId) is { } found && Matches(found) ? found : null;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // A malformed key names no replica: it is answered like an unhosted one, for an activation must never fail.
        _ = ReplicaKey.TryParse(this.GetPrimaryKeyString(), out key);
        host.Replicas.Faces.Add(key.ReplicaId, GrainContext);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        host.Replicas.Faces.Remove(key.ReplicaId, GrainContext);
        return Task.CompletedTask;
    }

    /// <inheritdoc cref="IShardReplica.Execute"/>
    public async ValueTask<BatchReply> Execute(OperationBatch batch)
    {
        var replica = Replica;
        var answer = replica is not null
            ? await replica.Execute(batch)
            : ReplicaAnswer.Of([.. Enumerable.Repeat(Absent, batch.Operations.Length)]);
        var map = host.Maps.Find(key.KeyspaceId);
        return new()
        {
            Outcomes = answer.Outcomes,
            Node = host.Services.NodeId,
            Region = host.Services.Region,
            NewerMap = map is not null && map.Epoch > batch.MapEpoch ? map : null,
            StalenessMs = answer.StalenessMs,
            Revision = answer.Revision,
            ReadAfter = answer.ReadAfter,
        };
    }

    /// <inheritdoc cref="IShardReplica.Scan"/>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        var replica = Replica;
        var page = replica is not null ? await replica.Scan(request) : PageOf(Absent);
        var map = host.Maps.Find(key.KeyspaceId);
        return page with
        {
            Node = host.Services.NodeId,
            Region = host.Services.Region,
            NewerMap = map is not null && map.Epoch > request.MapEpoch ? map : null,
        };
    }

    /// <inheritdoc cref="IShardReplica.ReadChanges"/>
    public async ValueTask<ChangesReply> ReadChanges(ChangesRequest request)
    {
        var reply = Replica is { } replica ? await replica.ReadChanges(request) : ChangesOf(Absent);
        var map = host.Maps.Find(key.KeyspaceId);
        return new()
        {
            Kind = reply.Kind,
            Changes = reply.Changes,
            Through = reply.Through,
            KeptAfter = reply.KeptAfter,
            Detail = reply.Detail,
            LeaderReplicaId = reply.LeaderReplicaId,
            NewerMap = map is not null && map.Epoch > request.MapEpoch ? map : null,
        };
    }

    /// <inheritdoc cref="IShardReplica.ReadSnapshot"/>
    public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request) =>
        ValueTask.FromResult(host.Services.Pinned.Read(key.ReplicaId, request));

    /// <inheritdoc cref="IShardReplica.Status"/>
    public ValueTask<ReplicaStatus> Status() =>
        ValueTask.FromResult(
            Replica?.Status()
                ?? new()
                {
                    ReplicaId = key.ReplicaId,
                    Node = host.Services.NodeId,
                    Role = "absent",
                }
        );

    private static ChangesReply ChangesOf(OperationOutcome outcome) =>
        new() { Kind = outcome.Kind, Detail = outcome.Detail };

    private static ScanReply PageOf(OperationOutcome outcome) => new() { Kind = outcome.Kind, Detail = outcome.Detail };

    /// <summary>Why there is no replica to ask. It may be another reason a moment later: to be asked once an answer.</summary>
    private OperationOutcome Absent
    {
        get
        {
            if (host.Replicas.IsQuarantined(key.ReplicaId))
            {
                return Quarantined;
            }
            // Whoever asks for a replica that is not here leaves no activation behind.
            DeactivateOnIdle();
            return NoSuchReplica;
        }
    }

    private static OperationOutcome Quarantined { get; } =
        OperationOutcome.Of(
            OutcomeKind.Unavailable,
            "The replica is damaged and waits to be replaced; nothing changed. If it is the only one of its shard, only a backup has its data."
        );

    private static OperationOutcome NoSuchReplica { get; } =
        OperationOutcome.Of(OutcomeKind.NoSuchReplica, "The replica is not hosted on this node.");

    private bool Matches(IReplica found) =>
        found.Identity.KeyspaceId == key.KeyspaceId && found.Identity.ShardId == key.ShardId;
}

/// <summary>A member of a raft group, pinned to its node.</summary>
[OnNode, GrainDirectory("node"), Reentrant, KeepAlive]
internal sealed class RaftGroupGrain(NodeHost host) : ReplicaGrain(host), IRaftGroupGrain;

/// <summary>A replica of a leaderless shard, pinned to its node.</summary>
[OnNode, GrainDirectory("node"), Reentrant, KeepAlive]
internal sealed class ShardGrain(NodeHost host) : ReplicaGrain(host), IShardGrain, IShardComparison
{
    /// <inheritdoc/>
    public async ValueTask<DigestReply> Digest(DigestRequest request) =>
        Replica is LeaderlessReplica replica
            ? await replica.Digest(request)
            : new() { Kind = OutcomeKind.NoSuchReplica };

    /// <inheritdoc/>
    public async ValueTask<StampsReply> Stamps(StampsRequest request) =>
        Replica is LeaderlessReplica replica
            ? await replica.Stamps(request)
            : new() { Kind = OutcomeKind.NoSuchReplica };

    /// <inheritdoc/>
    public async ValueTask<ReplicateReply> Replicate(ReplicateRequest request) =>
        Replica is LeaderlessReplica replica
            ? await replica.Accept(request)
            : new() { Kind = OutcomeKind.NoSuchReplica };

    /// <inheritdoc/>
    public ValueTask<LocalReadReply> ReadLocal(LocalReadRequest request) =>
        ValueTask.FromResult(
            Replica is LeaderlessReplica replica
                ? replica.ReadLocal(request)
                : new() { Kind = OutcomeKind.NoSuchReplica }
        );

    /// <inheritdoc/>
    public async ValueTask<LocalScanReply> ScanLocal(LocalScanRequest request) =>
        Replica is LeaderlessReplica replica
            ? await replica.ScanLocal(request)
            : new() { Kind = OutcomeKind.NoSuchReplica };
}
