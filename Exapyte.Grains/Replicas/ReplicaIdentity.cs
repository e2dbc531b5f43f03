using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Replicas;

/// <summary>What the node's log says of a replica that it hosts: enough to start it again with nobody to ask.</summary>
internal sealed record ReplicaIdentity
{
    /// <summary>The keyspace's id.</summary>
    public required long KeyspaceId { get; init; }

    /// <summary>The shard's id.</summary>
    public required long ShardId { get; init; }

    /// <summary>The replica's id; the id of its log and, in Raft, of the member.</summary>
    public required long ReplicaId { get; init; }

    /// <summary>How its shard is replicated.</summary>
    public required ReplicationKind Replication { get; init; }

    /// <summary>Where it keeps its entries.</summary>
    public required StorageKind Storage { get; init; }

    /// <summary>Its prefix in the node's store: local to the node, never reused.</summary>
    public required ulong StorePrefix { get; init; }

    /// <summary>
    /// Raft: the members that the group was created with; empty for a replica that joined later. It belongs nowhere, and
    /// never campaigns, until the log or a snapshot tells it that the group has taken it in.
    /// </summary>
    public required long[] FirstMembers { get; init; }

    /// <summary>
    /// The epoch of the map by which a split made it; 0 for others. An older map, which may be all that the node knows yet, says
    /// nothing of it.
    /// </summary>
    public long SinceMapEpoch { get; init; }

    /// <summary>
    /// What tells the versions of this keyspace from those of one that had its name before: their origin, where it is raft's.
    /// </summary>
    [JsonIgnore]
    public ulong Life => (ulong)KeyspaceId;

    /// <summary>The replica that a split of this one's shard makes beside it, under the same prefix.</summary>
    /// <param name="shardId">The new shard.</param>
    /// <param name="replicaId">Its replica.</param>
    /// <param name="storePrefix">Where this one's state is now.</param>
    /// <param name="mapEpoch">See <see cref="SinceMapEpoch"/>.</param>
    public ReplicaIdentity Beside(long shardId, long replicaId, ulong storePrefix, long mapEpoch) =>
        this with
        {
            ShardId = shardId,
            ReplicaId = replicaId,
            StorePrefix = storePrefix,
            FirstMembers = [],
            SinceMapEpoch = mapEpoch,
        };

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, ReplicaIdentityJson.Default.ReplicaIdentity);

    public static ReplicaIdentity FromBytes(ReadOnlySpan<byte> bytes) =>
        JsonSerializer.Deserialize(bytes, ReplicaIdentityJson.Default.ReplicaIdentity)
        ?? throw new InvalidOperationException("The description of a replica is empty.");
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Skip
)]
[JsonSerializable(typeof(ReplicaIdentity))]
internal sealed partial class ReplicaIdentityJson : JsonSerializerContext;
