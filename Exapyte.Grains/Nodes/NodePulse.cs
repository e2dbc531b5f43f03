using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The node's heart: ticks the replicas, and in longer intervals flushes the store, lets the log forget what is safe and
/// removes what has expired. One loop, one thread at a time; the long work runs beside the ticks.
/// </summary>
internal sealed partial class NodePulse(NodeHost host) : IAsyncDisposable
{
    private readonly NodeServices node = host.Services;
    private readonly CancellationTokenSource stop = new();
    private readonly ILogger logger = host.Services.LoggerFactory.CreateLogger("Exapyte.Node");
    private uint sweepAt;
    private Task ticking = Task.CompletedTask;
    private Task upkeep = Task.CompletedTask;

    /// <summary>Begins.</summary>
    public void Start()
    {
        ticking = Tick();
        upkeep = Upkeep();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(ticking, upkeep);
        stop.Dispose();
    }

    private async Task Tick()
    {
        using var timer = new PeriodicTimer(node.Options.Tick, node.Time);
        while (await Next(timer))
        {
            foreach (var peer in host.Maps.Peers)
            {
                node.Peers.Send(peer, NodePresence.Beat);
            }
            foreach (var replica in host.Replicas.All)
            {
                replica.Tick();
            }
        }
    }

    private async Task Upkeep()
    {
        using var timer = new PeriodicTimer(node.Options.SweepInterval, node.Time);
        var sinceCompaction = TimeSpan.Zero;
        while (await Next(timer))
        {
            sinceCompaction += node.Options.SweepInterval;
            try
            {
                Sweep();
                if (sinceCompaction >= node.Options.CompactionInterval)
                {
                    sinceCompaction = TimeSpan.Zero;
                    Compact();
                }
            }
            catch (Exception exception) when (exception is StoreFullException or StoreFailedException or IOException)
            {
                // Upkeep waits for better times: nothing is lost by it, and writes report the disk's state themselves.
                LogUpkeepFailed(exception);
            }
        }
    }

    private void Sweep()
    {
        node.Pinned.CloseIdle();
        var replicas = host.Replicas.All.ToArray();
        for (var left = Math.Min(replicas.Length, node.Options.SweepReplicasMax); left > 0; left--)
        {
            replicas[sweepAt++ % replicas.Length].Sweep();
        }
    }

    private void Compact()
    {
        for (var disused = node.Disused.Count; disused > 0 && node.Disused.TryDequeue(out var prefix); disused--)
        {
            node.Disk.DeleteShard(prefix);
        }
        var retired = host.Replicas.Retired;
        if (retired > 0 || node.Log.Statistics.LiveBytes > node.Options.LogBytesBeforeFlush)
        {
            node.Disk.Flush();
            host.Replicas.ForgetRetired(retired);
        }
        foreach (var replica in host.Replicas.All)
        {
            replica.Compact();
        }
    }

    private async ValueTask<bool> Next(PeriodicTimer timer)
    {
        try
        {
            return await timer.WaitForNextTickAsync(stop.Token);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    [LoggerMessage(LogLevel.Warning, "Upkeep of the node's store and log failed and is tried again")]
    private partial void LogUpkeepFailed(Exception exception);
}
