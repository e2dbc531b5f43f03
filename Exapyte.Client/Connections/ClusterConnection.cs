using System.Net;
using System.Net.Sockets;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Messaging;

namespace Exapyte.Client.Connections;

/// <summary>
/// A connection to a cluster of other processes: an Orleans client in a container of its own, so that the application may host
/// a silo, or another client, besides. Thread-safe.
/// </summary>
internal sealed class ClusterConnection : IAsyncDisposable
{
    private static readonly TimeSpan ConnectRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan OpenTimeout = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(2);

    /// <summary>
    /// How often the cluster's types are asked for, and how long after a failure another node is asked: by default five seconds,
    /// which is as long as a client waits for its first connection. One that began with a dead node would never get past it.
    /// </summary>
    private static readonly TimeSpan ManifestRefresh = TimeSpan.FromSeconds(1);

    /// <summary>How soon a node that was away is tried again.</summary>
    private static readonly TimeSpan GatewayRefresh = TimeSpan.FromSeconds(2);

    private readonly ClusterAddresses addresses;
    private readonly ExapyteClientOptions options;
    private readonly ServiceProvider services;
    private readonly Nodes nodes = new();
    private Exception? lastFailure;

    public ClusterConnection(ClusterAddresses addresses, ExapyteClientOptions options, ILoggerFactory? loggers)
    {
        this.addresses = addresses;
        this.options = options;
        ServiceCollection collection = new();
        if (loggers is not null)
        {
            collection.AddSingleton(loggers);
        }
        collection.AddSingleton<IGatewayListProvider>(nodes);
        collection.AddSingleton<IClusterConnectionStatusObserver>(Gateways);
        collection.AddOrleansClient(Configure);
        services = collection.BuildServiceProvider();
    }

    /// <summary>What is known of its connections.</summary>
    public GatewayConnections Gateways { get; } = new(isTold: true);

    /// <summary>The cluster's grains; calls succeed once it is open.</summary>
    public IGrainFactory Grains => services.GetRequiredService<IClusterClient>();

    /// <summary>Connects to any of the nodes.</summary>
    /// <exception cref="ExapyteConnectException">None answered within <see cref="ExapyteClientOptions.ConnectTimeout"/>.</exception>
    public async Task OpenAsync(CancellationToken cancellationToken)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(options.ConnectTimeout);
        try
        {
            nodes.EndPoints = await addresses.ResolveAsync(patience.Token).ConfigureAwait(false);
            foreach (var service in services.GetServices<IHostedService>())
            {
                await service.StartAsync(patience.Token).WaitAsync(patience.Token).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ExapyteConnectException(await DescribeAsync(cancellationToken), lastFailure ?? exception);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(StopTimeout);
        foreach (var service in services.GetServices<IHostedService>().Reverse())
        {
            await service
                .StopAsync(patience.Token)
                .WaitAsync(StopTimeout)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await services.DisposeAsync().ConfigureAwait(false);
    }

    private void Configure(IClientBuilder client)
    {
        client.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = ClusterIdentity.Name);
        client.Configure<ConnectionOptions>(connection =>
        {
            connection.OpenConnectionTimeout = OpenTimeout;
            connection.ConnectionRetryDelay = ConnectRetry;
        });
        client.Configure<GatewayOptions>(gateway => gateway.GatewayListRefreshPeriod = GatewayRefresh);
        client.Configure<TypeManagementOptions>(types => types.TypeMapRefreshInterval = ManifestRefresh);
        client.UseConnectionRetryFilter(RetryAsync);
        options.ConfigureOrleans?.Invoke(client);
    }

    private async Task<bool> RetryAsync(Exception failure, CancellationToken cancellationToken)
    {
        lastFailure = failure;
        await Task.Delay(ConnectRetry, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return !cancellationToken.IsCancellationRequested;
    }

    private async Task<string> DescribeAsync(CancellationToken cancellationToken)
    {
        if (nodes.EndPoints.Count == 0)
        {
            return $"No node can be reached at {addresses}: no such name is known.";
        }
        var found = await Task.WhenAll(nodes.EndPoints.Select(at => ProbeAsync(at, cancellationToken)));
        return $"No node of a cluster answered within {options.ConnectTimeout.TotalSeconds:0.#} s: {string.Join("; ", found)}.";
    }

    private static async Task<string> ProbeAsync(IPEndPoint address, CancellationToken cancellationToken)
    {
        using var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(OpenTimeout);
        try
        {
            await socket.ConnectAsync(address, patience.Token).ConfigureAwait(false);
            return $"{address} listens, and does not answer as a node of a cluster named '{ClusterIdentity.Name}' does "
                + "(wanted is a node's port for .NET clients, 30000 by default, not that of HTTP; and its certificates, where it has any)";
        }
        catch (SocketException exception)
        {
            return exception.SocketErrorCode == SocketError.ConnectionRefused
                ? $"{address} refuses connections: no node runs there, or it has another port for .NET clients"
                : $"{address}: {exception.Message}";
        }
        catch (OperationCanceledException)
        {
            return $"{address} does not answer";
        }
    }

    /// <summary>The nodes' addresses as Orleans asks for them.</summary>
    private sealed class Nodes : IGatewayListProvider
    {
        public IReadOnlyList<IPEndPoint> EndPoints { get; set; } = [];

        public TimeSpan MaxStaleness => GatewayRefresh;

        [Obsolete("Orleans asks for it no more.")]
        public bool IsUpdatable => true;

        public Task InitializeGatewayListProvider() => Task.CompletedTask;

        public Task<IList<Uri>> GetGateways() =>
            Task.FromResult<IList<Uri>>([.. EndPoints.Select(at => SiloAddress.New(at, 0).ToGatewayUri())]);
    }
}
