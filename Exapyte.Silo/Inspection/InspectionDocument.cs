using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Grains.Replicas;
using Exapyte.Storage.Inspection;

namespace Exapyte.Silo.Inspection;

/// <summary>What an inspection found, in the words of the whole product: the same in JSON and in tables.</summary>
internal sealed record InspectionDocument(
    bool IsWhole,
    string? Node,
    string? StoreId,
    int Documents,
    SegmentRow[] Segments,
    ReplicaRow[] Replicas,
    DamageRow[] Damage,
    TailRow? TornTail
)
{
    /// <summary>Where in the store a replica's description says that its entries are; null for one that has none there.</summary>
    public static ulong? StorePrefixOf(ReadOnlyMemory<byte> description) =>
        ReplicaDescription.TryRead(description.Span) is { Storage: Keyspaces.StorageKind.Disk } replica
            ? replica.StorePrefix
            : null;

    public static InspectionDocument Of(DataFolderInspection found) =>
        new(
            found.Damage.Count == 0,
            found.NodeId,
            found.StoreId?.ToString("x16"),
            found.Documents,
            [.. found.Segments.Select(s => new SegmentRow(s.Number, s.Bytes, s.Batches, s.LiveEntries, s.LiveBytes))],
            [.. found.Groups.Select(ReplicaRow.Of)],
            [.. found.Damage.Select(d => new DamageRow(d.File, d.Offset, d.Reason))],
            found.Tail is { } tail ? new(tail.File, tail.Offset, tail.Bytes) : null
        );

    public string ToJson() => JsonSerializer.Serialize(this, InspectionJson.Default.InspectionDocument);
}

/// <summary>One segment of the node log.</summary>
internal sealed record SegmentRow(uint Number, long Bytes, long Batches, long LiveEntries, long LiveBytes);

/// <summary>One replica that the folder hosts.</summary>
internal sealed record ReplicaRow(
    ulong Replica,
    long? Keyspace,
    long? Shard,
    string Kind,
    ulong FirstIndex,
    ulong LastIndex,
    ulong Term,
    ulong Vote,
    ulong Commit,
    ulong Compacted,
    ulong? Applied,
    long Rows,
    string? Quarantined
)
{
    public static ReplicaRow Of(InspectedGroup group)
    {
        ReplicaDescription? replica = ReplicaDescription.TryRead(group.Log.Descriptor.Span);
        string storage = replica?.Storage == Keyspaces.StorageKind.Memory ? ", memory" : "";
        return new(
            group.Log.Id.Value,
            replica?.KeyspaceId,
            replica?.ShardId,
            replica is null ? "unknown" : $"{replica.Replication}{storage}".ToLowerInvariant(),
            group.Log.FirstIndex,
            group.Log.LastIndex,
            group.Log.State.Term,
            group.Log.State.Vote,
            group.Log.State.Commit,
            group.Log.FirstIndex - 1,
            group.AppliedIndex,
            group.Rows,
            group.Log.Quarantined
        );
    }
}

/// <summary>Something that does not verify.</summary>
internal sealed record DamageRow(string File, long? Offset, string Reason);

/// <summary>A batch that was being written when the node stopped.</summary>
internal sealed record TailRow(string File, long Offset, long Bytes);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(InspectionDocument))]
internal sealed partial class InspectionJson : JsonSerializerContext;
