using System.Text.Json;
using Exapyte.Keyspaces;

namespace Exapyte.Providers.Storage;

/// <summary>How grain state is kept.</summary>
public sealed class ExapyteGrainStorageOptions
{
    /// <summary>The keyspace, created by the first use.</summary>
    public string Keyspace { get; set; } = "grains";

    /// <summary>Its settings, where it is created; it must be a raft keyspace.</summary>
    public KeyspaceSettings Settings { get; set; } = new();

    /// <summary>How state becomes JSON, so that it can be queried.</summary>
    public JsonSerializerOptions Json { get; set; } = JsonSerializerOptions.Web;
}
