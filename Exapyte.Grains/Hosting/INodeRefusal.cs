namespace Exapyte.Grains.Hosting;

/// <summary>Told that the cluster refuses this node. The host decides how the process ends.</summary>
public interface INodeRefusal
{
    /// <summary>The control plane refused the node; it must not serve.</summary>
    /// <param name="node">The node's id.</param>
    /// <param name="reason">Why, and what to do: one line for a person.</param>
    void Refused(string node, string reason);
}

/// <summary>The cluster refuses this node; the message says why and what to do.</summary>
public sealed class NodeRefusedException(string node, string reason) : Exception(reason)
{
    /// <summary>The node's id.</summary>
    public string Node { get; } = node;
}

/// <summary>Lets start-up fail, so that the host prints the reason and ends.</summary>
internal sealed class FailStart : INodeRefusal
{
    /// <inheritdoc/>
    public void Refused(string node, string reason) => throw new NodeRefusedException(node, reason);
}
