using System.Net;
using Exapyte.Client;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>An application of its own that uses the .NET client: it is in this process, the nodes are in theirs.</summary>
sealed class Application : IAsyncDisposable
{
    readonly IHost _host;

    Application(IHost host) => _host = host;

    public IExapyteClient Client => _host.Services.GetRequiredService<IExapyteClient>();

    /// <summary>Connects by the addresses of these nodes, dead ones among them.</summary>
    public static async Task<Application> ConnectAsync(
        IEnumerable<SiloProcess> silos,
        Action<ExapyteClientOptions>? configure = null
    )
    {
        var addresses = silos.Select(silo => new IPEndPoint(IPAddress.Loopback, silo.Settings.GatewayPort)).ToArray();
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.UseOrleansClient(orleans =>
            orleans
                .UseStaticClustering(addresses)
                .Configure<ClusterOptions>(options => options.ClusterId = options.ServiceId = "exapyte")
        );
        builder.Services.AddExapyteClient(options => configure?.Invoke(options));
        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return new Application(host);
        }
        catch
        {
            host.Dispose();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
