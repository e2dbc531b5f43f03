using Exapyte.Client;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Exapyte.Testing.Clusters;

/// <summary>An application that hosts a node, in this process.</summary>
public sealed class EmbeddedHost : IAsyncDisposable
{
    readonly IHost _host;

    EmbeddedHost(IHost host, int gatewayPort)
    {
        _host = host;
        Addresses = $"127.0.0.1:{gatewayPort}";
    }

    /// <summary>The client inside.</summary>
    public IExapyteClient Client => _host.Services.GetRequiredService<IExapyteClient>();

    /// <summary>The application's services.</summary>
    public IServiceProvider Services => _host.Services;

    /// <summary>Where .NET clients reach it.</summary>
    public string Addresses { get; }

    /// <summary>Starts it as node n1 on free ports.</summary>
    /// <param name="dataFolder">Its data folder.</param>
    /// <param name="besides">What else the application is made of.</param>
    public static async Task<EmbeddedHost> StartAsync(string dataFolder, Action<HostApplicationBuilder>? besides = null)
    {
        var builder = Host.CreateEmptyApplicationBuilder(settings: null);
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        var gatewayPort = FreePorts.Next();
        builder.AddExapyte(node =>
        {
            node.Node = "n1";
            node.DataFolder = dataFolder;
            node.SiloPort = FreePorts.Next();
            node.GatewayPort = gatewayPort;
        });
        besides?.Invoke(builder);
        var host = builder.Build();
        try
        {
            await host.StartAsync();
            return new(host, gatewayPort);
        }
        catch
        {
            await ((IAsyncDisposable)host).DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}
