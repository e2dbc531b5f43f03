using Exapyte.Keyspaces;

namespace Exapyte.Providers.Caching;

/// <summary>Where the distributed cache keeps its entries.</summary>
public sealed class ExapyteCacheOptions
{
    /// <summary>The keyspace, created by the first use.</summary>
    public string Keyspace { get; set; } = "cache";

    /// <summary>
    /// Its settings, where it is created; it must be a raft keyspace, so that what was removed never comes back.
    /// </summary>
    public KeyspaceSettings Settings { get; set; } = new();
}
