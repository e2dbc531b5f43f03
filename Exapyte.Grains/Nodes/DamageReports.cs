using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Asks the control plane to replace the damaged replicas of this node, from the moment the node is admitted: at once when
/// one is found, and again until its map is without it. What replaces a replica of which kind, and when a group cannot
/// spare it, the control plane decides. One loop.
/// </summary>
internal sealed partial class DamageReports(NodeHost host) : IAsyncDisposable
{
    private static readonly TimeSpan RetryMin = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan RetryMax = TimeSpan.FromMinutes(1);

    private readonly NodeServices node = host.Services;
    private readonly CancellationTokenSource stop = new();
    private readonly ILogger logger = host.Services.LoggerFactory.CreateLogger("Exapyte.Node");
    private Task reporting = Task.CompletedTask;

    /// <summary>Begins.</summary>
    public void Start() => reporting = Report();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        stop.Dispose();
    }

    private async Task Report()
    {
        await Task.Yield();
        var wait = RetryMin;
        while (!stop.IsCancellationRequested)
        {
            var damaged = node.Damaged.All;
            foreach (var replica in damaged)
            {
                await Report(replica);
            }
            var hasNews = await NewsWithin(damaged.Count > 0 ? wait : Timeout.InfiniteTimeSpan);
            wait =
                hasNews ? RetryMin
                : wait * 2 < RetryMax ? wait * 2
                : RetryMax;
        }
    }

    private async Task Report(DamagedReplica damaged)
    {
        if (host.Maps.Find(damaged.KeyspaceId) is not { Deleted: false } map)
        {
            return;
        }
        try
        {
            var reply = await node
                .Grains.GetGrain<IKeyspaceControlGrain>(map.Name)
                .RetireReplica(damaged.KeyspaceId, damaged.ReplicaId);
            LogReported(damaged.ReplicaId, map.Name, reply.Outcome, string.Join(' ', reply.Reasons));
        }
        catch (Exception failure)
        {
            // Whatever keeps the control plane from answering passes: it is asked again.
            LogNotReported(damaged.ReplicaId, map.Name, failure.Message);
        }
    }

    private async Task<bool> NewsWithin(TimeSpan wait)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop.Token);
        var news = node.Damaged.News.WaitToReadAsync(either.Token).AsTask();
        await Task.WhenAny(news, Task.Delay(wait, node.Time, either.Token));
        await either.CancelAsync();
        await ((Task)news).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return node.Damaged.News.TryRead(out _);
    }

    [LoggerMessage(
        LogLevel.Information,
        "Replica {ReplicaId} of keyspace {Keyspace} was reported as damaged: {Outcome} {Reasons}"
    )]
    private partial void LogReported(long replicaId, string keyspace, KeyspaceOutcome outcome, string reasons);

    [LoggerMessage(
        LogLevel.Warning,
        "Replica {ReplicaId} of keyspace {Keyspace} could not be reported as damaged yet: {Reason}"
    )]
    private partial void LogNotReported(long replicaId, string keyspace, string reason);
}
