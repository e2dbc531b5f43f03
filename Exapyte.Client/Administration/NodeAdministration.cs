using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Administration;

/// <summary>Shows, drains and removes the nodes of a cluster. Thread-safe; expected failures are outcomes.</summary>
public interface INodeAdministration
{
    /// <summary>How the nodes stand; null where the control plane is out of reach.</summary>
    Task<NodesReport?> ReportAsync(CancellationToken cancellationToken = default);

    /// <summary>
    /// From now on nothing new is placed on the node, and what it holds is moved to others as far as there are any.
    /// </summary>
    Task<NodeReply> DrainAsync(string node, CancellationToken cancellationToken = default);

    /// <summary>Ends a drain: what has not moved stays.</summary>
    Task<NodeReply> ResumeAsync(string node, CancellationToken cancellationToken = default);

    /// <summary>Removes a node that holds nothing any more, and was drained or is not alive; where it runs it ends.</summary>
    /// <param name="node">The node.</param>
    /// <param name="force">Gives up what a node that is not alive still holds, for others to take its place.</param>
    /// <param name="cancellationToken">Ends the wait, not the command.</param>
    Task<NodeReply> RemoveAsync(string node, bool force, CancellationToken cancellationToken = default);
}

/// <summary>See <see cref="INodeAdministration"/>.</summary>
internal sealed class NodeAdministration(IGrainFactory grains, GrainCalls calls) : INodeAdministration
{
    private IControlPlaneGrain ControlPlane => grains.GetGrain<IControlPlaneGrain>(0);

    public async Task<NodesReport?> ReportAsync(CancellationToken cancellationToken = default) =>
        (await calls.TryAsync(() => ControlPlane.Nodes(), cancellationToken)).Value;

    public Task<NodeReply> DrainAsync(string node, CancellationToken cancellationToken = default) =>
        CommandAsync(() => ControlPlane.DrainNode(node), cancellationToken);

    public Task<NodeReply> ResumeAsync(string node, CancellationToken cancellationToken = default) =>
        CommandAsync(() => ControlPlane.ResumeNode(node), cancellationToken);

    public Task<NodeReply> RemoveAsync(string node, bool force, CancellationToken cancellationToken = default) =>
        CommandAsync(() => ControlPlane.RemoveNode(node, force), cancellationToken);

    private async Task<NodeReply> CommandAsync(Func<Task<NodeReply>> command, CancellationToken cancellationToken) =>
        (await calls.TryAsync(command, cancellationToken)).Value
        ?? new()
        {
            Outcome = NodeOutcome.Unavailable,
            Reasons =
            [
                "The control plane did not answer; the command may or may not have been carried out. Repeat it.",
            ],
            InDoubt = true,
        };
}
