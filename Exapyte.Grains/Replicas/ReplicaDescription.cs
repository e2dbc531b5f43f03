using System.Text.Json;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Replicas;

/// <summary>What the node log says a replica is, for those who look into a data folder from outside.</summary>
public sealed record ReplicaDescription(
    long ReplicaId,
    long KeyspaceId,
    long ShardId,
    ReplicationKind Replication,
    StorageKind Storage,
    ulong StorePrefix
)
{
    /// <summary>Reads a description; null where it is none that this version knows.</summary>
    public static ReplicaDescription? TryRead(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var identity = ReplicaIdentity.FromBytes(bytes);
            return new(
                identity.ReplicaId,
                identity.KeyspaceId,
                identity.ShardId,
                identity.Replication,
                identity.Storage,
                identity.StorePrefix
            );
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
