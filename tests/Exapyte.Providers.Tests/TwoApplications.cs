using Exapyte.Client;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;
using Microsoft.Extensions.Caching.Distributed;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using Orleans.Storage;

namespace Exapyte.Providers.Tests;

/// <summary>An Orleans application that hosts a node and keeps its own things in it, and another one that only connects.</summary>
public sealed class TwoApplications : IAsyncLifetime
{
    readonly TemporaryFolder _folder = new("providers");
    EmbeddedHost? _node;
    IHost? _other;

    public IExapyteClient Client => _node!.Client;

    /// <summary>The grain storage of the silo that is the node.</summary>
    public IGrainStorage Storage => _node!.Services.GetRequiredKeyedService<IGrainStorage>("states");

    /// <summary>The caches of both applications.</summary>
    public (IBufferDistributedCache Node, IBufferDistributedCache Other) Caches =>
        (CacheOf(_node!.Services), CacheOf(_other!.Services));

    public HealthCheckService Health => _other!.Services.GetRequiredService<HealthCheckService>();

    public async ValueTask InitializeAsync()
    {
        _node = await EmbeddedHost.StartAsync(
            _folder.File("data"),
            builder =>
            {
                builder.UseOrleans(silo => silo.AddExapyteGrainStorage("states"));
                builder.Services.AddExapyteCache();
            }
        );
        var other = Host.CreateEmptyApplicationBuilder(settings: null);
        other.Logging.SetMinimumLevel(LogLevel.Warning);
        other.Services.AddExapyteClient(_node.Addresses);
        other.Services.AddExapyteCache();
        other.Services.AddHealthChecks().AddExapyte();
        _other = other.Build();
        await _other.StartAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _other!.StopAsync();
        await ((IAsyncDisposable)_other).DisposeAsync();
        await _node!.DisposeAsync();
        _folder.Dispose();
    }

    static IBufferDistributedCache CacheOf(IServiceProvider services) =>
        (IBufferDistributedCache)services.GetRequiredService<IDistributedCache>();
}
