using Microsoft.Extensions.Hosting;

namespace Exapyte.Client.Connections;

/// <summary>Connects when the application starts, and fails its start where no node answers.</summary>
internal sealed class ConnectAtStart(ClusterConnection connection) : IHostedLifecycleService
{
    // Before what the application starts itself, which may call at once.
    public Task StartingAsync(CancellationToken cancellationToken) => connection.OpenAsync(cancellationToken);

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
