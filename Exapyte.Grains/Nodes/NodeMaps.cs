using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Keyspaces;
using Exapyte.Storage.Node;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The maps that a node serves by, on disk too, so that it serves after a restart while nobody can be asked. A map older
/// than one already seen is refused, for a deleted keyspace as well: that is the fence against late commands. Thread-safe.
/// </summary>
internal sealed class NodeMaps
{
    private const string DocumentPrefix = "map-";

    private readonly Lock gate = new();
    private readonly DataFolder folder;
    private readonly Dictionary<long, KeyspaceMap> byId = [];
    private volatile string[] peers = [];
    private volatile FrozenDictionary<string, KeyspaceMap> byName = FrozenDictionary<string, KeyspaceMap>.Empty;

    /// <summary>Reads the maps on disk.</summary>
    public NodeMaps(DataFolder folder)
    {
        this.folder = folder;
        foreach (
            var name in folder.ListDocuments().Where(name => name.StartsWith(DocumentPrefix, StringComparison.Ordinal))
        )
        {
            if (folder.ReadDocument(name) is { } bytes)
            {
                var map =
                    JsonSerializer.Deserialize(bytes, KeyspaceMapJson.Default.KeyspaceMap)
                    ?? throw new InvalidOperationException($"The map document {name} is empty.");
                byId[map.KeyspaceId] = map;
            }
        }
        Publish();
    }

    /// <summary>The other nodes on which a shard that is placed here has replicas.</summary>
    public IReadOnlyList<string> Peers => peers;

    /// <summary>All maps, those of deleted keyspaces too.</summary>
    public KeyspaceMap[] All()
    {
        lock (gate)
        {
            return [.. byId.Values];
        }
    }

    /// <summary>The map of the keyspace that has this name now; null where this node knows none.</summary>
    public KeyspaceMap? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The map with this id; null where this node knows none.</summary>
    public KeyspaceMap? Find(long keyspaceId)
    {
        lock (gate)
        {
            return byId.GetValueOrDefault(keyspaceId);
        }
    }

    /// <summary>Takes a map and makes it durable; false where a newer one was seen.</summary>
    public bool TryTake(KeyspaceMap map)
    {
        lock (gate)
        {
            if (byId.TryGetValue(map.KeyspaceId, out var known))
            {
                if (known.Epoch > map.Epoch || (known.Deleted && !map.Deleted))
                {
                    return false;
                }
                if (known.Epoch == map.Epoch && known.Deleted == map.Deleted)
                {
                    return true;
                }
            }
            folder.WriteDocument(
                DocumentPrefix + map.KeyspaceId,
                JsonSerializer.SerializeToUtf8Bytes(map, KeyspaceMapJson.Default.KeyspaceMap)
            );
            byId[map.KeyspaceId] = map;
            Publish();
            return true;
        }
    }

    /// <summary>
    /// Forgets the maps of deleted keyspaces. Called at start, when no command of an earlier time can be under way.
    /// </summary>
    public void ForgetDeleted()
    {
        lock (gate)
        {
            foreach (var map in byId.Values.Where(map => map.Deleted).ToArray())
            {
                folder.DeleteDocument(DocumentPrefix + map.KeyspaceId);
                byId.Remove(map.KeyspaceId);
            }
        }
    }

    private void Publish()
    {
        byName = byId
            .Values.Where(map => !map.Deleted)
            .GroupBy(map => map.Name, StringComparer.Ordinal)
            .ToFrozenDictionary(
                group => group.Key,
                group => group.MaxBy(map => map.KeyspaceId)!,
                StringComparer.Ordinal
            );
        peers =
        [
            .. byId
                .Values.Where(map => !map.Deleted)
                .SelectMany(map => map.Shards)
                .Select(shard => shard.Hosted)
                .Where(hosted => Array.Exists(hosted, replica => replica.Node == folder.NodeId))
                .SelectMany(hosted => hosted)
                .Select(replica => replica.Node)
                .Where(peer => peer != folder.NodeId)
                .Distinct(StringComparer.Ordinal),
        ];
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true
)]
[JsonSerializable(typeof(KeyspaceMap))]
internal sealed partial class KeyspaceMapJson : JsonSerializerContext;
