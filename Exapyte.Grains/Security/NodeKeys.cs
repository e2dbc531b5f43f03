using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Grains.Placement;
using Exapyte.Security;
using Exapyte.Storage.Node;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.GrainDirectory;

namespace Exapyte.Grains.Security;

/// <summary>
/// The keys that this node checks by, on disk too, so that it checks after a restart while nobody can be asked. What is
/// new is in force before it is on disk: a full disk keeps no revoked key alive. Thread-safe.
/// </summary>
internal sealed partial class NodeKeys
{
    private const string Document = "keys";

    private readonly Lock gate = new();
    private readonly DataFolder folder;
    private readonly KnownKeys known;
    private readonly ILogger logger;

    /// <summary>Reads what is on disk.</summary>
    public NodeKeys(DataFolder folder, KnownKeys known, ILogger<NodeKeys> logger)
    {
        (this.folder, this.known, this.logger) = (folder, known, logger);
        if (
            folder.ReadDocument(Document) is { } bytes
            && JsonSerializer.Deserialize(bytes, KeyRingJson.Default.KeyRing) is { } ring
        )
        {
            known.TryTake(ring);
        }
    }

    /// <summary>The epoch in force; -1 where there is none.</summary>
    public long Epoch => known.Current?.Epoch ?? -1;

    /// <summary>Takes a ring if it is newer; the epoch in force afterwards.</summary>
    public long Take(KeyRing ring)
    {
        lock (gate)
        {
            if (known.TryTake(ring))
            {
                Remember(ring);
            }
            return Epoch;
        }
    }

    private void Remember(KeyRing ring)
    {
        try
        {
            folder.WriteDocument(Document, JsonSerializer.SerializeToUtf8Bytes(ring, KeyRingJson.Default.KeyRing));
        }
        catch (IOException failure)
        {
            LogNotRemembered(logger, failure, ring.Epoch);
        }
    }

    [LoggerMessage(
        LogLevel.Error,
        "Keys of epoch {Epoch} are in force, but could not be written to the data folder: after a restart without control plane older ones would be"
    )]
    private static partial void LogNotRemembered(ILogger logger, Exception failure, long epoch);
}

/// <summary>The node's face towards the owner of the keys.</summary>
[OnNode, GrainDirectory("node"), Reentrant, KeepAlive]
internal sealed class NodeKeysGrain(NodeKeys keys) : Grain, INodeKeysGrain
{
    /// <inheritdoc/>
    public ValueTask<long> Apply(KeyRing ring) => new(keys.Take(ring));
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KeyRing))]
internal sealed partial class KeyRingJson : JsonSerializerContext;
