using Exapyte.Client;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

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
        var addresses = string.Join(',', silos.Select(silo => $"127.0.0.1:{silo.Settings.GatewayPort}"));
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Services.AddExapyteClient(addresses, options => configure?.Invoke(options));
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
