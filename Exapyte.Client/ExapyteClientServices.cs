using System.Diagnostics.Metrics;
using Exapyte.Client.Security;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Exapyte.Client;

/// <summary>Adds the data plane to an application.</summary>
public static class ExapyteClientServices
{
    /// <summary>
    /// Adds <see cref="IExapyteClient"/> as a singleton over the Orleans that the application already has: a silo in this
    /// process (its own grain factory), or an Orleans client (<c>UseOrleansClient</c>). Settings are validated at start,
    /// with every reason. Idempotent.
    /// </summary>
    public static IServiceCollection AddExapyteClient(
        this IServiceCollection services,
        Action<ExapyteClientOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(services);
        var options = services.AddOptions<ExapyteClientOptions>().ValidateOnStart();
        if (configure is not null)
        {
            options.Configure(configure);
        }
        services.TryAddEnumerable(
            ServiceDescriptor.Singleton<IValidateOptions<ExapyteClientOptions>, ExapyteClientOptionsValidator>()
        );
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<IExapyteClient>(provider => new ExapyteClient(
            provider.GetRequiredService<IGrainFactory>(),
            insideSilo: provider.GetService<ILocalSiloDetails>() is not null,
            provider.GetRequiredService<IOptions<ExapyteClientOptions>>().Value,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetService<IMeterFactory>(),
            provider.GetService<NodeNews>()
        ));
        services.TryAddSingleton<IKeyAdministration>(provider =>
            KeyAdministration.Create(
                provider.GetRequiredService<IGrainFactory>(),
                insideSilo: provider.GetService<ILocalSiloDetails>() is not null,
                provider.GetRequiredService<IOptions<ExapyteClientOptions>>(),
                provider.GetRequiredService<TimeProvider>()
            )
        );
        return services;
    }
}
