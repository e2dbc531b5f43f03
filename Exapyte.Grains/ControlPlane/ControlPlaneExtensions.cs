using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Sets up the control plane of a silo.</summary>
public static class ControlPlaneExtensions
{
    /// <summary>
    /// Adds what the control plane's grains need. The host adds the grain storage named
    /// <see cref="ControlPlaneOptions.Storage"/>.
    /// </summary>
    public static ISiloBuilder AddControlPlane(this ISiloBuilder builder)
    {
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddOptions<ControlPlaneOptions>();
        return builder;
    }
}
