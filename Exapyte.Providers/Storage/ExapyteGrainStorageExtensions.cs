using Exapyte.Client;
using Exapyte.Providers.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Providers;
using Orleans.Runtime.Hosting;

namespace Orleans.Hosting;

/// <summary>Lets grains keep their state in Exapyte.</summary>
public static class ExapyteGrainStorageExtensions
{
    /// <summary>
    /// Adds a grain storage of this name. It goes by the application's <see cref="IExapyteClient"/>: that of a node in this
    /// process (<c>AddExapyte</c>), or of a cluster elsewhere (<c>services.AddExapyteClient("host:port,..")</c>).
    /// </summary>
    public static ISiloBuilder AddExapyteGrainStorage(
        this ISiloBuilder silo,
        string name,
        Action<ExapyteGrainStorageOptions>? configure = null
    )
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentException.ThrowIfNullOrEmpty(name);
        silo.Services.AddOptions<ExapyteGrainStorageOptions>(name).Configure(configure ?? (static _ => { }));
        silo.Services.AddGrainStorage(
            name,
            static (services, storage) =>
                new ExapyteGrainStorage(
                    services.GetRequiredService<IExapyteClient>(),
                    services.GetRequiredService<IOptionsMonitor<ExapyteGrainStorageOptions>>().Get(storage)
                )
        );
        return silo;
    }

    /// <summary>Adds the grain storage of grains that name none.</summary>
    /// <inheritdoc cref="AddExapyteGrainStorage"/>
    public static ISiloBuilder AddExapyteGrainStorageAsDefault(
        this ISiloBuilder silo,
        Action<ExapyteGrainStorageOptions>? configure = null
    ) => silo.AddExapyteGrainStorage(ProviderConstants.DEFAULT_STORAGE_PROVIDER_NAME, configure);
}
