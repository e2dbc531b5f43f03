using Exapyte.Client;
using Exapyte.Providers.Caching;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets an application cache in Exapyte.</summary>
public static class ExapyteCacheExtensions
{
    /// <summary>
    /// Adds <see cref="IDistributedCache"/> (an <see cref="IBufferDistributedCache"/>, as HybridCache likes it) over the
    /// application's <see cref="IExapyteClient"/>.
    /// </summary>
    public static IServiceCollection AddExapyteCache(
        this IServiceCollection services,
        Action<ExapyteCacheOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<ExapyteCacheOptions>().Configure(configure ?? (static _ => { }));
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<IDistributedCache, ExapyteCache>();
        return services;
    }
}
