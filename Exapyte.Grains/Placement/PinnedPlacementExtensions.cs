using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Configuration;
using Orleans.Runtime.Hosting;

namespace Exapyte.Grains.Placement;

/// <summary>Sets up grains that are pinned to nodes.</summary>
public static class PinnedPlacementExtensions
{
    /// <summary>
    /// Adds the placement and the directory behind <see cref="OnNodeAttribute"/>. A call to an absent node fails at
    /// once: the runtime's own retries of placement are off.
    /// </summary>
    public static ISiloBuilder AddPinnedPlacement(this ISiloBuilder builder)
    {
        builder.Services.TryAddSingleton<NodeMap>();
        builder.Services.TryAddSingleton<NodeGrainDirectory>();
        builder.Services.AddPlacementDirector<NodePlacement, NodePlacementDirector>();
        builder.Services.AddGrainDirectory(
            NodeGrainDirectory.Name,
            static (services, _) => services.GetRequiredService<NodeGrainDirectory>()
        );
        return builder.Configure<SiloMessagingOptions>(static options => options.PlacementMaxRetries = 0);
    }
}
