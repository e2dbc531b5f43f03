using Exapyte.Client.Queries;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Gateway.Control;

/// <summary>GET /.</summary>
internal sealed record PointerDocument(string Service, string Version, string Docs, string OpenApi);

/// <summary>GET /livez and /readyz.</summary>
internal sealed record HealthDocument(string Status, IReadOnlyList<string>? Reasons);

/// <summary>GET /v1/keyspaces.</summary>
internal sealed record KeyspacesDocument(IReadOnlyList<string> Keyspaces);

/// <summary>POST /v1/restores.</summary>
internal sealed record RestoreDocument(string Keyspace, bool Created, long Entries, long Expired);

/// <summary>What an import came to.</summary>
internal sealed record ImportDocument(
    long Imported,
    long Expired,
    long Failed,
    IReadOnlyList<ImportErrorDocument> Errors
);

/// <summary>A line that could not be put.</summary>
internal sealed record ImportErrorDocument(long Line, string Code, string Detail, bool Retryable, bool InDoubt);

/// <summary>A keyspace's settings as JSON has them; what is null was left to the default.</summary>
internal sealed record SettingsDocument(
    string Replication,
    int Replicas,
    int? WriteQuorum,
    int? ReadQuorum,
    string Distribution,
    int? Shards,
    IReadOnlyList<string>? SplitKeys,
    IReadOnlyList<string>? SplitKeys64,
    long? SplitBytes,
    string Storage,
    long? DefaultTtlSeconds,
    string? PartitionDelimiter,
    int IdempotencyWindowSeconds,
    int ChangeRetentionSeconds,
    QuotaDocument? Quota,
    IReadOnlyList<IndexDocument>? Indexes,
    CacheDocument? Cache
)
{
    public static SettingsDocument Of(KeyspaceSettings settings)
    {
        var isRange = settings.Distribution == DistributionKind.Range;
        var (splitKeys, splitKeys64) = SplitKeysReader.Shown(settings.SplitKeys);
        return new(
            SettingNames.Of(settings.Replication),
            settings.Replicas,
            settings.WriteQuorum,
            settings.ReadQuorum,
            SettingNames.Of(settings.Distribution),
            isRange ? null : settings.Shards,
            splitKeys,
            splitKeys64,
            isRange ? settings.SplitBytes ?? KeyspaceSettings.SplitBytesDefault : null,
            SettingNames.Of(settings.Storage),
            settings.DefaultTtlSeconds,
            settings.PartitionDelimiter,
            settings.IdempotencyWindowSeconds,
            settings.ChangeRetentionSeconds,
            settings.Quota is { } quota ? new(quota.Entries, quota.Bytes) : null,
            settings.Indexes is { } indexes
                ? [.. indexes.Items.Select(index => new IndexDocument(index.Name, index.Paths))]
                : null,
            settings.Cache is { } cache ? new(cache.EntriesMax, cache.TtlSeconds) : null
        );
    }
}

/// <summary>What nodes keep of a keyspace.</summary>
internal sealed record CacheDocument(int EntriesMax, int TtlSeconds);

/// <summary>What a keyspace may hold, or holds: entries, and bytes of their keys and values.</summary>
internal sealed record QuotaDocument(long? Entries, long? Bytes);

/// <summary>An index as the settings name it.</summary>
internal sealed record IndexDocument(string Name, IReadOnlyList<string> Paths);

/// <summary>How an index stands; of one that is built with how far it is.</summary>
internal sealed record IndexProgressDocument(
    string Name,
    IReadOnlyList<string> Paths,
    string State,
    int ReadyShards,
    int Shards,
    long Entries
)
{
    public static IndexProgressDocument Of(IndexProgress index) =>
        new(index.Name, index.Paths, SettingNames.Of(index.State), index.ReadyShards, index.Shards, index.Entries);
}

/// <summary>GET and PUT K.</summary>
internal sealed record KeyspaceDocument(
    string Name,
    long Id,
    long Epoch,
    bool UnderReplicated,
    int Wanted,
    int Placed,
    string? Why,
    SettingsDocument Settings,
    QuotaDocument? Use,
    IReadOnlyList<IndexProgressDocument>? Indexes
)
{
    /// <param name="map">The keyspace.</param>
    /// <param name="use">What it holds; null where nobody counts, or not all of it could be asked for.</param>
    /// <param name="indexes">How its indexes stand; null where it has none, or nobody was asked.</param>
    public static KeyspaceDocument Of(KeyspaceMap map, Usage? use, IReadOnlyList<IndexProgress>? indexes)
    {
        var replication = ReplicationState.Of(map.Shards, map.Settings.Replicas);
        return new(
            map.Name,
            map.KeyspaceId,
            map.Epoch,
            replication.UnderReplicated,
            replication.Wanted,
            replication.Placed,
            replication.Why,
            SettingsDocument.Of(map.Settings),
            use is { } held ? new(held.Entries, held.Bytes) : null,
            indexes is null ? null : [.. indexes.Select(IndexProgressDocument.Of)]
        );
    }
}

/// <summary>How many replicas each shard of a keyspace is to have, and has at least.</summary>
/// <param name="Wanted">As the settings ask.</param>
/// <param name="Placed">Replicas that count, of the shard that has the fewest.</param>
/// <param name="Why">Why there are fewer than wanted, and what to do; null where there are not.</param>
internal readonly record struct ReplicationState(int Wanted, int Placed, string? Why)
{
    /// <summary>Whether some shard has fewer than wanted.</summary>
    public bool UnderReplicated => Placed < Wanted;

    /// <summary>Judges the shards of a map.</summary>
    public static ReplicationState Of(IReadOnlyList<ShardPlacement> shards, int wanted)
    {
        var placed = shards.Min(shard => shard.Replicas.Count(replica => !replica.Joining));
        var withJoining = shards.Min(shard => shard.Replicas.Length);
        var why =
            placed >= wanted ? null
            : withJoining >= wanted
                ? "Replicas that were added lately still copy what the others hold, and count once they have it."
            : $"A shard's replicas lie on different nodes, and there were only {withJoining} for one of them when they were "
                + "placed. Start more nodes, or ask for fewer replicas.";
        return new(wanted, placed, why);
    }
}

/// <summary>GET /v1/cluster.</summary>
internal sealed record ClusterDocument(
    string Version,
    long NodeEpoch,
    int Nodes,
    int NodesAlive,
    IReadOnlyList<string> Regions,
    int Keyspaces
)
{
    public static ClusterDocument Of(string version, ClusterTopology topology, int keyspaces) =>
        new(
            version,
            topology.NodeEpoch,
            topology.Nodes.Length,
            topology.Nodes.Count(node => node.Alive),
            [
                .. topology
                    .Nodes.Select(node => node.Registration.Region)
                    .Where(region => region.Length > 0)
                    .Distinct(StringComparer.Ordinal)
                    .Order(StringComparer.Ordinal),
            ],
            keyspaces
        );
}

/// <summary>The names of settings' values in JSON.</summary>
internal static class SettingNames
{
    public static string Of(IndexState state) =>
        state switch
        {
            IndexState.Building => "building",
            IndexState.Ready => "ready",
            IndexState.Dropping => "dropping",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "This state has no name."),
        };

    public static string Of(ReplicationKind kind) =>
        kind switch
        {
            ReplicationKind.Raft => "raft",
            ReplicationKind.Quorum => "quorum",
            ReplicationKind.Async => "async",
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This replication has no name."),
        };

    public static string Of(DistributionKind kind) =>
        kind switch
        {
            DistributionKind.Hash => "hash",
            DistributionKind.Range => "range",
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This distribution has no name."),
        };

    public static string Of(StorageKind kind) =>
        kind switch
        {
            StorageKind.Disk => "disk",
            StorageKind.Memory => "memory",
            _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "This storage has no name."),
        };
}
