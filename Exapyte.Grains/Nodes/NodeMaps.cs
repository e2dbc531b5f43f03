using System.Collections.Concurrent;
using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Keyspaces;
using Exapyte.Storage.Node;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The maps that a node serves by, on disk too, so that it serves after a restart while nobody can be asked. A map older
/// than one already seen is refused, for a deleted keyspace as well (<see cref="DeletionFences"/>). A change costs what the
/// changed map costs, however many others there are. Thread-safe.
/// </summary>
internal sealed class NodeMaps
{
    private const string DocumentPrefix = "map-";

    private readonly Lock gate = new();
    private readonly DataFolder folder;
    private readonly DeletionFences fences;
    private readonly ConcurrentDictionary<long, KeyspaceMap> byId = new();
    private readonly ConcurrentDictionary<string, KeyspaceMap> byName = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> keyspacesSharedWith = new(StringComparer.Ordinal);
    private volatile string[] peers = [];

    /// <summary>Reads the maps on disk.</summary>
    public NodeMaps(DataFolder folder, TimeProvider time)
    {
        this.folder = folder;
        fences = new(time);
        foreach (
            var name in folder.ListDocuments().Where(name => name.StartsWith(DocumentPrefix, StringComparison.Ordinal))
        )
        {
            if (folder.ReadDocument(name) is { } bytes)
            {
                Put(
                    JsonSerializer.Deserialize(bytes, KeyspaceMapJson.Default.KeyspaceMap)
                        ?? throw new InvalidOperationException($"The map document {name} is empty.")
                );
            }
        }
    }

    /// <summary>The other nodes on which a shard that is placed here has replicas.</summary>
    public IReadOnlyList<string> Peers => peers;

    /// <summary>All maps, and those of deleted keyspaces whose replicas are being retired.</summary>
    public KeyspaceMap[] All() => [.. byId.Values];

    /// <summary>The map of the keyspace that has this name now; null where this node knows none.</summary>
    public KeyspaceMap? Find(string name) => byName.GetValueOrDefault(name);

    /// <summary>The map with this id; null where this node knows none.</summary>
    public KeyspaceMap? Find(long keyspaceId) => byId.GetValueOrDefault(keyspaceId);

    /// <summary>Takes a map and makes it durable; false where a newer one was seen.</summary>
    public bool TryTake(KeyspaceMap map)
    {
        lock (gate)
        {
            if (fences.Contains(map.KeyspaceId))
            {
                return map.Deleted;
            }
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
            else if (map.Deleted)
            {
                // Nothing of it is here, and nothing late shall come.
                fences.Add(map.KeyspaceId);
                return true;
            }
            folder.WriteDocument(
                DocumentPrefix + map.KeyspaceId,
                JsonSerializer.SerializeToUtf8Bytes(map, KeyspaceMapJson.Default.KeyspaceMap)
            );
            Put(map);
            return true;
        }
    }

    /// <summary>
    /// The replicas of a deleted keyspace are retired here, so that its map need not be known any more. Until then a restart
    /// must still find it. One that is not deleted stays.
    /// </summary>
    public void Forget(long keyspaceId)
    {
        lock (gate)
        {
            if (byId.TryGetValue(keyspaceId, out var map) && map.Deleted)
            {
                folder.DeleteDocument(DocumentPrefix + keyspaceId);
                fences.Add(keyspaceId);
                byId.TryRemove(keyspaceId, out _);
            }
        }
    }

    private void Put(KeyspaceMap map)
    {
        byId.TryGetValue(map.KeyspaceId, out var before);
        byId[map.KeyspaceId] = map;
        if (!map.Deleted)
        {
            byName.AddOrUpdate(map.Name, map, (_, other) => other.KeyspaceId > map.KeyspaceId ? other : map);
        }
        else if (byName.TryGetValue(map.Name, out var named) && named.KeyspaceId == map.KeyspaceId)
        {
            byName.TryRemove(map.Name, out _);
        }
        CountPeers(before, map);
    }

    private void CountPeers(KeyspaceMap? before, KeyspaceMap after)
    {
        foreach (var peer in before is null ? [] : PeersIn(before))
        {
            keyspacesSharedWith[peer]--;
        }
        foreach (var peer in PeersIn(after))
        {
            keyspacesSharedWith[peer] = keyspacesSharedWith.GetValueOrDefault(peer) + 1;
        }
        foreach (var (peer, _) in keyspacesSharedWith.Where(shared => shared.Value == 0).ToArray())
        {
            keyspacesSharedWith.Remove(peer);
        }
        if (keyspacesSharedWith.Count != peers.Length || !Array.TrueForAll(peers, keyspacesSharedWith.ContainsKey))
        {
            peers = [.. keyspacesSharedWith.Keys];
        }
    }

    private HashSet<string> PeersIn(KeyspaceMap map) =>
        map.Deleted
            ? []
            :
            [
                .. map
                    .Shards.Select(shard => shard.Hosted)
                    .Where(hosted => Array.Exists(hosted, replica => replica.Node == folder.NodeId))
                    .SelectMany(hosted => hosted)
                    .Select(replica => replica.Node)
                    .Where(peer => peer != folder.NodeId),
            ];
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    IgnoreReadOnlyProperties = true
)]
[JsonSerializable(typeof(KeyspaceMap))]
internal sealed partial class KeyspaceMapJson : JsonSerializerContext;
