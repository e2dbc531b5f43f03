namespace Exapyte.Wire;

/// <summary>
/// The node that a grain is pinned to is not an active member of the cluster, so the call was sent nowhere. Derives from
/// neither <see cref="OrleansException"/> nor <see cref="TimeoutException"/>: the runtime retries those.
/// </summary>
[GenerateSerializer, Alias("exapyte.node-absent")]
public sealed class NodeAbsentException : Exception, INotSent
{
    /// <summary>The node is absent.</summary>
    /// <param name="node">Its id; empty where the grain's key names none.</param>
    public NodeAbsentException(string node)
        : base(
            node.Length == 0
                ? "The grain is pinned to a node, and its key names none."
                : $"Node '{node}' is not an active member of the cluster."
        ) => Node = node;

    /// <summary>The node's id; empty where the grain's key names none.</summary>
    [Id(0)]
    public string Node { get; }
}
