using Exapyte.Wire;
using Orleans.Runtime.Placement;

namespace Exapyte.Grains.Placement;

/// <summary>
/// Places a pinned grain where <see cref="NodeMap"/> says. Asked only where the directory knew no address, which means
/// that the node is absent unless it arrived in between.
/// </summary>
internal sealed class NodePlacementDirector(NodeMap nodes) : IPlacementDirector
{
    /// <inheritdoc/>
    public Task<SiloAddress> OnAddActivation(
        PlacementStrategy strategy,
        PlacementTarget target,
        IPlacementContext context
    ) =>
        nodes.AddressOf(target.GrainIdentity)?.SiloAddress is { } silo
            ? Task.FromResult(silo)
            : Task.FromException<SiloAddress>(new NodeAbsentException(NodeMap.NodeOf(target.GrainIdentity)));
}
