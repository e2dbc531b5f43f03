using Orleans.GrainDirectory;

namespace Exapyte.Grains.Placement;

/// <summary>
/// The directory of pinned grains: their addresses are computed from the membership, so there are no entries that a
/// dying silo could take along, and nothing to register. Thread-safe.
/// </summary>
internal sealed class NodeGrainDirectory(NodeMap nodes) : IGrainDirectory
{
    /// <summary>The name for <see cref="GrainDirectoryAttribute"/>.</summary>
    public const string Name = "node";

    /// <inheritdoc/>
    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(nodes.AddressOf(grainId));

    /// <summary>
    /// Grants every activation on the grain's own silo. One elsewhere (an older silo of the same name that has not
    /// yet noticed its successor) is told where the grain belongs, by which the runtime drops it and forwards its calls.
    /// </summary>
    public Task<GrainAddress?> Register(GrainAddress address) =>
        Task.FromResult<GrainAddress?>(
            nodes.AddressOf(address.GrainId) is { } computed && !Equals(computed.SiloAddress, address.SiloAddress)
                ? computed
                : address
        );

    /// <inheritdoc/>
    public Task Unregister(GrainAddress address) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}
