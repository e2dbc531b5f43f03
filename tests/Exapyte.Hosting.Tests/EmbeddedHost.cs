using Exapyte.Client;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Exapyte.Hosting.Tests;

/// <summary>An application that hosts a node, in this process.</summary>
sealed class EmbeddedHost : IAsyncDisposable
{
    readonly IHost _host;

    EmbeddedHost(IHost host, int gatewayPort)
    {
        _host = host;
        Addresses = $"127.0.0.1:{gatewayPort}";
    }

    public IExapyteClient Client => _host.Services.GetRequiredService<IExapyteClient>();

    /// <summary>Where .NET clients reach it.</summary>
    public string Addresses { get; }

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
