using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;
using Exapyte.Storage.Stores;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The node's heart: ticks the replicas, and in longer intervals flushes the store, lets the log forget what is safe and
/// removes what has expired. One loop, one thread at a time; the long work runs beside the ticks.
/// </summary>
internal sealed partial class NodePulse(NodeHost host, StoreRescue rescue, KeptTime kept, DataFolder folder)
    : IAsyncDisposable
{
    private readonly NodeServices node = host.Services;
    private readonly CancellationTokenSource stop = new();
    private readonly ILogger logger = host.Services.LoggerFactory.CreateLogger("Exapyte.Node");

    /// <summary>Beats to those with which a group is shared, for one to everybody.</summary>
    private const int ClockBeats = 5;

    private static readonly TimeSpan TimeKeptEvery = TimeSpan.FromMinutes(1);

    private LogCondition condition;
    private bool clockIsRight = true;
    private bool timeIsHeld;
    private string clocksDiffering = "";
    private bool storeIsMarked;
    private bool isServing;
    private uint sweepAt;
    private Task ticking = Task.CompletedTask;
    private Task upkeep = Task.CompletedTask;

    /// <summary>Begins.</summary>
    public void Start()
    {
        LookWhetherServing();
        KeepTime();
        ticking = Tick();
        upkeep = Upkeep();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await stop.CancelAsync();
        await Task.WhenAll(ticking, upkeep);
        KeepTime();
        stop.Dispose();
    }

    private async Task Tick()
    {
        using var timer = new PeriodicTimer(node.Options.Tick, node.Time);
        for (var ticks = 0; await Next(timer); ticks++)
        {
            Observe(node.Log.Health);
            ObserveStore();
            ObserveClock();
            if (condition != LogCondition.Failed && ticks % node.Options.BeatTicks == 0)
            {
                SendBeats(toAll: ticks % (node.Options.BeatTicks * ClockBeats) == 0 || !node.Clocks.IsCompared);
            }
            node.Presence.Look(host.Maps.Peers);
            node.News.LostNodes = node.Presence.Lost;
            foreach (var replica in host.Replicas.All)
            {
                replica.Tick();
            }
            LookWhetherServing();
        }
    }

    /// <summary>
    /// Until all that the node hosted at its start can be served. What is created or elected later keeps nobody away from the
    /// node; and where most replicas of a shard are elsewhere and out of reach, waiting for them would keep nodes that start one
    /// after the other from ever starting.
    /// </summary>
    private void LookWhetherServing()
    {
        if (!isServing)
        {
            node.News.StartReasons = host.WaitsFor();
            isServing = node.News.StartReasons.Count == 0;
        }
    }

    /// <summary>
    /// A node whose log has failed leads nobody any more: its silence wakes the groups that sleep. Those with which it shares
    /// no group are sent a beat less often, for their clocks' sake.
    /// </summary>
    private void SendBeats(bool toAll)
    {
        foreach (var peer in toAll ? host.Maps.Peers.Union(node.OtherNodes(), StringComparer.Ordinal) : host.Maps.Peers)
        {
            node.Peers.Send(peer, NodePresence.Beat);
        }
    }

    private void ObserveClock()
    {
        node.Clocks.Review();
        var problem = node.Clocks.Problem;
        node.Health.ObserveClock(problem);
        if (problem is null != clockIsRight)
        {
            clockIsRight = problem is null;
            if (problem is null)
            {
                LogClockRight();
            }
            else
            {
                LogClockWrong(problem);
            }
        }
        var heldMs = node.Clocks.HeldMs;
        if (heldMs > node.Options.ClockSkewMsMax != timeIsHeld)
        {
            timeIsHeld = !timeIsHeld;
            if (timeIsHeld)
            {
                LogClockWentBack(heldMs);
            }
            else
            {
                LogClockCameUp();
            }
        }
        IReadOnlyList<(string Node, long AheadMs)> others = problem is null ? node.Clocks.Differing() : [];
        var differing = string.Join(' ', others.Select(one => one.Node));
        if (differing != clocksDiffering && others.Count > 0)
        {
            LogClocksDiffer(others[0].Node, others[0].AheadMs, node.Clocks.Others);
        }
        clocksDiffering = differing;
    }

    private void Observe(LogHealth log)
    {
        node.Health.Observe(log);
        var now = log.Condition != LogCondition.Failed && node.IsDiskFull ? LogCondition.DiskFull : log.Condition;
        if (now == condition)
        {
            return;
        }
        condition = now;
        switch (condition)
        {
            case LogCondition.Failed:
                LogLogFailed(log.Reason);
                break;
            case LogCondition.DiskFull:
                LogDiskFull(log.Reason ?? "the store could not write what it holds in memory");
                break;
            default:
                LogSpaceReturned();
                break;
        }
    }

    /// <summary>A store that broke is rescued by the next start, which must hear of it.</summary>
    private void ObserveStore()
    {
        if (storeIsMarked || node.Disk.Damage is not { } damage)
        {
            return;
        }
        node.Health.StoreBroke(damage);
        try
        {
            rescue.Mark(damage);
            storeIsMarked = true;
            LogStoreBroke(damage);
        }
        catch (DiskException failure)
        {
            LogUpkeepFailed(failure);
        }
    }

    private async Task Upkeep()
    {
        using var timer = new PeriodicTimer(node.Options.SweepInterval, node.Time);
        var sinceCompaction = TimeSpan.Zero;
        var sinceKept = TimeSpan.Zero;
        while (await Next(timer))
        {
            sinceCompaction += node.Options.SweepInterval;
            sinceKept += node.Options.SweepInterval;
            if (sinceKept >= TimeKeptEvery)
            {
                sinceKept = TimeSpan.Zero;
                KeepTime();
            }
            try
            {
                if (!HasSpace())
                {
                    // What nobody uses may be what takes the space.
                    DeleteDisused();
                    continue;
                }
                Sweep();
                if (node.Births.Waiting.Count > 0 || node.Births.HasPassed)
                {
                    await host.Bear();
                }
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

    /// <summary>What is kept is a precaution: a disk that is full, or broken, says so where it is written to for a client.</summary>
    private void KeepTime()
    {
        try
        {
            kept.Keep(folder);
        }
        catch (DiskException failure)
        {
            LogTimeNotKept(failure.Message);
        }
    }

    /// <summary>While the store is full nothing but a flush can tell that space has returned.</summary>
    private bool HasSpace()
    {
        if (!node.Disk.IsFull)
        {
            return true;
        }
        try
        {
            node.Disk.Flush();
            return true;
        }
        catch (StoreFullException)
        {
            // Said once, when it began.
            return false;
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
        // Counted first: what these left behind is deleted by then.
        var retired = host.Replicas.Retired;
        DeleteDisused();
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

    private void DeleteDisused() =>
        node.Disused.Delete(host.Replicas.Uses, node.Disk.DeleteShard, failure => LogNotCleared(failure.Message));

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

    [LoggerMessage(LogLevel.Critical, "The node's log has failed: no write is taken any more, reads go on: {Reason}")]
    private partial void LogLogFailed(string? reason);

    [LoggerMessage(LogLevel.Error, "The disk is full: writes are refused until space returns, reads go on: {Reason}")]
    private partial void LogDiskFull(string? reason);

    [LoggerMessage(LogLevel.Critical, "{Problem}")]
    private partial void LogClockWrong(string problem);

    [LoggerMessage(
        LogLevel.Information,
        "The clock of this node agrees with those of the others again: writes are stamped"
    )]
    private partial void LogClockRight();

    [LoggerMessage(
        LogLevel.Warning,
        "The clock of node {Node} is {AheadMs} ms ahead of this node's, beyond the limit; of {Others} others that were asked no majority says that this node's is wrong. See that the clocks are kept right (NTP)"
    )]
    private partial void LogClocksDiffer(string node, long aheadMs, int others);

    [LoggerMessage(LogLevel.Information, "Space has returned to the disk: writes are taken again")]
    private partial void LogSpaceReturned();

    [LoggerMessage(
        LogLevel.Critical,
        "The node's store is damaged and takes no writes any more; a restart of the node rescues what can be read: {Reason}"
    )]
    private partial void LogStoreBroke(string reason);

    [LoggerMessage(LogLevel.Critical, "What retired replicas left in the store cannot be cleared away: {Reason}")]
    private partial void LogNotCleared(string reason);

    [LoggerMessage(LogLevel.Warning, "Upkeep of the node's store and log failed and is tried again")]
    private partial void LogUpkeepFailed(Exception exception);

    [LoggerMessage(LogLevel.Warning, "The node's time was not kept in its data folder, and is tried again: {Reason}")]
    private partial void LogTimeNotKept(string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "The clock of this node went back by {HeldMs} ms, and no other node's is known: its time goes on from where it was, at half its speed, until the clock has come up with it. See that the clock is kept right (NTP)."
    )]
    private partial void LogClockWentBack(long heldMs);

    [LoggerMessage(LogLevel.Information, "The clock of this node has come up with the time that it had shown before.")]
    private partial void LogClockCameUp();
}
