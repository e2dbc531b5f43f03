using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>A keyspace's name and the id that it stands for.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.keyspace-name")]
public sealed record KeyspaceName
{
    /// <summary>The name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>The id.</summary>
    [Id(1)]
    public required long KeyspaceId { get; init; }
}

/// <summary>A node that returned with another data folder, while what the old one held is being retired.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.node-replacement")]
public sealed record NodeReplacement
{
    /// <summary>What the node registered.</summary>
    [Id(0)]
    public required NodeRegistration Registration { get; init; }

    /// <summary>Replicas that were placed on the node before this epoch are retired.</summary>
    [Id(1)]
    public required long NodeEpoch { get; init; }
}

/// <summary>A node that was removed: its data folder is not taken back.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.removed-node")]
public sealed record RemovedNode
{
    /// <summary>What was known of it.</summary>
    [Id(0)]
    public required NodeInfo Info { get; init; }
}

/// <summary>What the control plane remembers. Immutable: a change makes another, which counts once it is stored.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.control-plane-state")]
public sealed record ControlPlaneState
{
    /// <summary>Rises with every change of the nodes.</summary>
    [Id(0)]
    public long NodeEpoch { get; init; }

    /// <summary>Ids from this one on have never been reserved.</summary>
    [Id(1)]
    public long NextId { get; init; } = 1;

    /// <summary>The nodes, by id.</summary>
    [Id(2)]
    public NodeInfo[] Nodes { get; init; } = [];

    /// <summary>The keyspaces, by name.</summary>
    [Id(3)]
    public KeyspaceName[] Keyspaces { get; init; } = [];

    /// <summary>Replacements that were begun.</summary>
    [Id(4)]
    public NodeReplacement[] Replacements { get; init; } = [];

    /// <summary>Drawn at random when the first node registers; 0 before.</summary>
    [Id(5)]
    public ulong ClusterId { get; init; }

    /// <summary>
    /// Rises with the first write of every activation of the control plane: which of two coordinators is the later one. The
    /// stored ETag lets only that one write.
    /// </summary>
    [Id(6)]
    public long CoordinatorEpoch { get; init; }

    /// <summary>Nodes that were removed, the latest last; of more than <see cref="RemovedMax"/> the first are forgotten.</summary>
    [Id(7)]
    public RemovedNode[] Removed { get; init; } = [];

    /// <summary>Most removed nodes that are remembered.</summary>
    public const int RemovedMax = 256;

    /// <summary>Whether that data folder of the node was removed from the cluster.</summary>
    public bool IsRemoved(string id, ulong storeId) =>
        Array.Exists(
            Removed,
            removed => removed.Info.Registration.Node == id && removed.Info.Registration.StoreId == storeId
        );

    /// <summary>With a known node draining or not, at the next epoch; itself where it is so already.</summary>
    public ControlPlaneState WithDraining(string id, bool draining) =>
        NodeOf(id) is { } node && node.Draining != draining
            ? this with
            {
                NodeEpoch = NodeEpoch + 1,
                Nodes = Array.ConvertAll(
                    Nodes,
                    other => ReferenceEquals(other, node) ? node with { Draining = draining } : other
                ),
            }
            : this;

    /// <summary>Without the node, which is remembered as removed, at the next epoch; itself where it is not there.</summary>
    public ControlPlaneState WithoutNode(string id) =>
        NodeOf(id) is not { } node
            ? this
            : this with
            {
                NodeEpoch = NodeEpoch + 1,
                Nodes = Array.FindAll(Nodes, other => !ReferenceEquals(other, node)),
                Replacements = Array.FindAll(Replacements, other => other.Registration.Node != id),
                Removed =
                [
                    .. Removed
                        .Where(other => other.Info.Registration.StoreId != node.Registration.StoreId)
                        .TakeLast(RemovedMax - 1),
                    new RemovedNode { Info = node },
                ],
            };

    /// <summary>The node; null where it never registered.</summary>
    public NodeInfo? NodeOf(string id) => Array.Find(Nodes, node => node.Registration.Node == id);

    /// <summary>The replacement that was begun for the node; null where there is none.</summary>
    public NodeReplacement? ReplacementOf(string id) =>
        Array.Find(Replacements, replacement => replacement.Registration.Node == id);

    /// <summary>With the node entered or changed, its replacement over, at the given epoch.</summary>
    public ControlPlaneState WithNode(NodeInfo node, long nodeEpoch)
    {
        var id = node.Registration.Node;
        return this with
        {
            NodeEpoch = nodeEpoch,
            Nodes =
            [
                .. Nodes
                    .Where(other => other.Registration.Node != id)
                    .Append(node)
                    .OrderBy(other => other.Registration.Node, StringComparer.Ordinal),
            ],
            Replacements = [.. Replacements.Where(other => other.Registration.Node != id)],
        };
    }

    /// <summary>With a replacement begun, in the place of an earlier one of the same node, at the next epoch.</summary>
    public ControlPlaneState WithReplacement(NodeRegistration registration) =>
        this with
        {
            NodeEpoch = NodeEpoch + 1,
            Replacements =
            [
                .. Replacements.Where(other => other.Registration.Node != registration.Node),
                new NodeReplacement { Registration = registration, NodeEpoch = NodeEpoch + 1 },
            ],
        };

    /// <summary>With the name entered; a later keyspace of the same name stays.</summary>
    public ControlPlaneState WithKeyspace(string name, long keyspaceId)
    {
        var known = Array.Find(Keyspaces, keyspace => keyspace.Name == name);
        return known is not null && known.KeyspaceId >= keyspaceId
            ? this
            : this with
            {
                Keyspaces =
                [
                    .. Keyspaces
                        .Where(keyspace => keyspace.Name != name)
                        .Append(new KeyspaceName { Name = name, KeyspaceId = keyspaceId })
                        .OrderBy(keyspace => keyspace.Name, StringComparer.Ordinal),
                ],
            };
    }

    /// <summary>Without the name, if it stands for that keyspace.</summary>
    public ControlPlaneState WithoutKeyspace(string name, long keyspaceId)
    {
        var rest = Array.FindAll(Keyspaces, other => other.Name != name || other.KeyspaceId != keyspaceId);
        return rest.Length == Keyspaces.Length ? this : this with { Keyspaces = rest };
    }
}
