using System.Diagnostics.Metrics;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Placement;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Hosting;

/// <summary>
/// Starts and stops the node with its silo: before the silo takes calls it opens log and store and starts the replicas
/// that they know; once the node is registered it asks whether those still exist, and only then may they lead.
/// </summary>
internal sealed partial class NodeLifecycle(
    DataFolder folder,
    IFiles files,
    IGrainFactory grains,
    NodeRegistrar registrar,
    NodeMap nodes,
    NodeHealth health,
    NodeNews news,
    TimeProvider time,
    IOptions<ExapyteNodeOptions> options,
    IOptions<ReplicaOptions> replicaOptions,
    ILoggerFactory loggerFactory,
    IMeterFactory? meters = null
) : ILifecycleParticipant<ISiloLifecycle>, IAsyncDisposable
{
    private const int OpenStage = ServiceLifecycleStage.ApplicationServices;
    private const int ConfirmStage = NodeRegistrar.Stage + 100;
    private static readonly TimeSpan ConfirmRetry = TimeSpan.FromMilliseconds(500);

    private readonly ILogger logger = loggerFactory.CreateLogger("Exapyte.Node");
    private readonly CancellationTokenSource stopping = new();
    private NodeHost? host;
    private NodeLog? log;
    private NodePulse? pulse;
    private KeptTime? kept;
    private DamageReports? reports;
    private NodeScrubber? scrubber;
    private NodeMeter? meter;
    private Task confirming = Task.CompletedTask;

    /// <summary>The node; there is one as soon as the silo takes calls.</summary>
    public NodeHost Host =>
        host ?? throw new InvalidOperationException("The node is not open: its silo has not started or has stopped.");

    /// <summary>Whether the control plane has confirmed what this node hosts.</summary>
    public bool IsConfirmed { get; private set; }

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle)
    {
        lifecycle.Subscribe("Exapyte.Node.Open", OpenStage, cancellation => Task.Run(Open, cancellation), _ => Close());
        lifecycle.Subscribe("Exapyte.Node.Confirm", ConfirmStage, _ => Confirm(), _ => Drain());
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopConfirming();
        await Close();
        stopping.Dispose();
    }

    private async Task Open()
    {
        log = NodeLog.Open(folder.LogPath, new(), files, out var recovery);
        foreach (var damage in recovery.Damage)
        {
            LogDamaged(damage.File, damage.Offset, damage.Reason);
        }
        if (recovery.Tail is { } tail)
        {
            LogTornTail(tail.File, tail.Offset, tail.Bytes);
        }
        var rescue = new StoreRescue(folder, files);
        var maps = new NodeMaps(folder, time);
        var opening = new StoreOpening(folder, rescue, logger);
        var (store, unreadable) = opening.Run(recovery, hasPeers: maps.Peers.Count > 0);
        var services = CreateServices(log, store, recovery);
        var replicas = new ReplicaHost(services);
        host = new(services, maps, replicas);
        replicas.Recover(recovery, unreadable);
        if (rescue.Reason is not null)
        {
            rescue.Done();
        }
        if (!replicas.Quarantined.Any())
        {
            rescue.DropKept();
        }
        await host.UseMapsOnDisk();
        pulse = new(host, rescue, kept!, folder);
        pulse.Start();
        meter!.Observe(host);
    }

    private NodeServices CreateServices(NodeLog opened, DiskStore store, NodeLogRecovery recovery)
    {
        var replicas = replicaOptions.Value;
        if (options.Value.ScrubInterval is { } interval)
        {
            replicas = replicas with { ScrubInterval = interval };
        }
        replicas = replicas with
        {
            MemoryBytesMax = options.Value.MemoryBytesMax ?? replicas.MemoryBytesMax,
            ClockSkewMsMax = options.Value.ClockSkewMsMax ?? replicas.ClockSkewMsMax,
        };
        meter = new(meters);
        scrubber = new(time, meter, replicas.ScrubBytesPerSecond);
        scrubber.Start();
        kept = KeptTime.Recover(
            folder,
            time,
            HybridClock.MillisecondsOf(unchecked((ulong)recovery.ClockHighWater)) - replicas.ClockSkewMsMax,
            MachineBoot.ReadId()
        );
        var clocks = new PeerClocks(time, kept, replicas.ClockSkewMsMax, OtherNodes);
        return new()
        {
            NodeId = options.Value.Node,
            StoreId = folder.StoreId,
            Region = options.Value.Region,
            Log = opened,
            Disk = store,
            Health = health,
            Damaged = new(folder, loggerFactory),
            Scrubber = scrubber,
            Meter = meter,
            Clocks = clocks,
            Clock = new(
                clocks,
                opened,
                folder.StoreId,
                recovery.ClockHighWater,
                recovery.ClockInDoubt,
                replicas.ClockSkewMsMax
            ),
            Peers = new(options.Value.Node, grains, time, clocks, nodes.IsAlive),
            OtherNodes = OtherNodes,
            Presence = new(time, replicas.Tick * replicas.ElectionTicks, replicas.Tick * replicas.OutageTicks),
            News = news,
            Grains = grains,
            Prefixes = new(folder),
            Pinned = new(time),
            Time = time,
            LoggerFactory = loggerFactory,
            Options = replicas,
        };
    }

    private IReadOnlyList<string> OtherNodes() =>
        [.. nodes.Alive.Where(node => !string.Equals(node, options.Value.Node, StringComparison.Ordinal))];

    private async Task Confirm()
    {
        if (!registrar.Registered.IsCompletedSuccessfully)
        {
            return;
        }
        var registered = await registrar.Registered;
        ClusterMemory.Remember(folder, registered.ClusterId);
        var own = Array.Find(registered.Topology!.Nodes, info => info.Registration.Node == options.Value.Node);
        Host.Admit(own?.SinceNodeEpoch ?? 0);
        reports = new(Host);
        reports.Start();
        if (!await TryConfirm())
        {
            confirming = GoOnConfirming();
        }
    }

    private async Task GoOnConfirming()
    {
        try
        {
            do
            {
                await Task.Delay(ConfirmRetry, time, stopping.Token);
            } while (!await TryConfirm());
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    private async Task<bool> TryConfirm()
    {
        try
        {
            await Host.ConfirmMaps();
            return IsConfirmed = true;
        }
        catch (Exception exception)
        {
            // Whatever kept the control plane from answering: until it does, replicas follow but do not lead.
            LogNotConfirmed(exception.Message);
            return false;
        }
    }

    /// <summary>While the silo still talks to the others: give leaderships away, so that writes go on without a pause.</summary>
    private async Task Drain()
    {
        await StopConfirming();
        if (host is { } open)
        {
            await open.Replicas.HandOver();
        }
    }

    private async Task StopConfirming()
    {
        if (!stopping.IsCancellationRequested)
        {
            await stopping.CancelAsync();
        }
        await confirming;
    }

    private async Task Close()
    {
        if (Interlocked.Exchange(ref host, null) is not { } open)
        {
            return;
        }
        meter?.Dispose();
        if (pulse is not null)
        {
            await pulse.DisposeAsync();
        }
        if (reports is not null)
        {
            await reports.DisposeAsync();
        }
        await open.Replicas.Stop();
        await open.Services.Scrubber.DisposeAsync();
        open.Services.Pinned.Dispose();
        log?.Dispose();
        open.Services.Disk.Dispose();
        open.Dispose();
    }

    [LoggerMessage(LogLevel.Critical, "The node's log is damaged: {File} at {Offset}: {Reason}")]
    private partial void LogDamaged(string file, long offset, string reason);

    [LoggerMessage(
        LogLevel.Warning,
        "The node's log ends in a torn batch, which is cut off: {File} at {Offset}, {Bytes} bytes. That is what a crash in the middle of a write leaves."
    )]
    private partial void LogTornTail(string file, long offset, long bytes);

    [LoggerMessage(LogLevel.Warning, "The control plane has not confirmed this node's replicas yet: {Reason}")]
    private partial void LogNotConfirmed(string reason);
}
