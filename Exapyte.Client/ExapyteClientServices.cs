using System.Diagnostics.Metrics;
using Exapyte.Client;
using Exapyte.Client.Administration;
using Exapyte.Client.Connections;
using Exapyte.Client.Security;
using Exapyte.Topology;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Adds the client to an application.</summary>
public static class ExapyteClientServices
{
    /// <summary>The member of a configuration section that names the nodes.</summary>
    public const string AddressesKey = "Addresses";

    /// <summary>
    /// Adds <see cref="IExapyteClient"/> as a singleton over the Orleans that the application already has: a silo in this
    /// process (its own grain factory), or an Orleans client (<c>UseOrleansClient</c>). Settings are validated at start,
    /// with every reason. Idempotent. A node in this process (<c>AddExapyte</c>) has added it already.
    /// </summary>
    public static IServiceCollection AddExapyteClient(
        this IServiceCollection services,
        Action<ExapyteClientOptions>? configure = null
    )
    {
        services.AddClientOptions(configure);
        return services.AddClients(provider =>
            new(
                provider.GetRequiredService<IGrainFactory>(),
                InsideSilo: provider.GetService<ILocalSiloDetails>() is not null,
                provider.GetService<NodeNews>(),
                Connection: null
            )
        );
    }

    /// <summary>
    /// Adds <see cref="IExapyteClient"/> as a singleton that connects to a cluster of other processes when the application
    /// starts. The application may host an Orleans silo, or be the client of another one, besides.
    /// </summary>
    /// <param name="services">The application's services.</param>
    /// <param name="addresses">
    /// Nodes of the cluster as <c>host:port</c>, separated by commas, each with its port for .NET clients. Name several: the
    /// client survives the loss of those that it knows.
    /// </param>
    /// <param name="configure">Changes the settings; null: the defaults.</param>
    /// <exception cref="FormatException">The addresses are none.</exception>
    /// <remarks>
    /// Where no node answers within <see cref="ExapyteClientOptions.ConnectTimeout"/> the start fails with
    /// <see cref="ExapyteConnectException"/>.
    /// </remarks>
    public static IServiceCollection AddExapyteClient(
        this IServiceCollection services,
        string addresses,
        Action<ExapyteClientOptions>? configure = null
    )
    {
        var nodes = ClusterAddresses.Parse(addresses);
        services.AddClientOptions(configure);
        services.TryAddSingleton(provider => new ClusterConnection(
            nodes,
            provider.GetRequiredService<IOptions<ExapyteClientOptions>>().Value,
            provider.GetService<ILoggerFactory>()
        ));
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, ConnectAtStart>());
        return services.AddClients(provider =>
        {
            var connection = provider.GetRequiredService<ClusterConnection>();
            return new(connection.Grains, InsideSilo: false, News: null, connection.Gateways);
        });
    }

    /// <summary>
    /// The same from a section of the configuration: <see cref="AddressesKey"/>, and any of
    /// <see cref="ExapyteClientOptions"/>.
    /// </summary>
    /// <exception cref="FormatException">The section names no addresses.</exception>
    /// <inheritdoc cref="AddExapyteClient(IServiceCollection, string, Action{ExapyteClientOptions})"/>
    public static IServiceCollection AddExapyteClient(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return services.AddExapyteClient(configuration[AddressesKey] ?? "", configuration.Bind);
    }

    /// <summary>The client and the administrations, each over the same way to the cluster.</summary>
    private static IServiceCollection AddClients(this IServiceCollection services, Func<IServiceProvider, Way> wayOf)
    {
        services.TryAddSingleton(provider =>
        {
            var way = wayOf(provider);
            return new ExapyteClient(
                way.Grains,
                way.InsideSilo,
                provider.GetRequiredService<IOptions<ExapyteClientOptions>>().Value,
                provider.GetRequiredService<TimeProvider>(),
                provider.GetService<IMeterFactory>(),
                way.News,
                way.Connection
            );
        });
        services.TryAddSingleton<IExapyteClient>(provider => provider.GetRequiredService<ExapyteClient>());
        services.TryAddSingleton<INodeAdministration>(provider => new NodeAdministration(
            wayOf(provider).Grains,
            CallsOf(provider, wayOf(provider).InsideSilo)
        ));
        services.TryAddSingleton<IRebalanceAdministration>(provider => new RebalanceAdministration(
            wayOf(provider).Grains,
            CallsOf(provider, wayOf(provider).InsideSilo)
        ));
        services.TryAddSingleton<IShardAdministration>(provider => new ShardAdministration(
            wayOf(provider).Grains,
            CallsOf(provider, wayOf(provider).InsideSilo)
        ));
        services.TryAddSingleton<IKeyAdministration>(provider => new KeyAdministration(
            wayOf(provider).Grains,
            CallsOf(provider, wayOf(provider).InsideSilo)
        ));
        return services;
    }

    private static GrainCalls CallsOf(IServiceProvider provider, bool insideSilo) =>
        new(
            provider.GetRequiredService<IOptions<ExapyteClientOptions>>().Value,
            new(provider.GetRequiredService<TimeProvider>()),
            new(insideSilo)
        );

    private static void AddClientOptions(this IServiceCollection services, Action<ExapyteClientOptions>? configure)
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
    }

    /// <summary>How a client reaches its cluster.</summary>
    /// <param name="Grains">The silo's own factory, or an Orleans client.</param>
    /// <param name="InsideSilo">Whether it is a silo's own.</param>
    /// <param name="News">Word of the node of the same process; null: there is none.</param>
    /// <param name="Connection">Its connection, where it is in no node's process; null: none.</param>
    private readonly record struct Way(
        IGrainFactory Grains,
        bool InsideSilo,
        NodeNews? News,
        GatewayConnections? Connection
    );
}
