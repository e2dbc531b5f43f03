using System.Diagnostics.Metrics;
using Exapyte.Client.Administration;
using Exapyte.Client.Backups;
using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Client.Scans;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client;

/// <summary>The data plane, put together. See <see cref="IExapyteClient"/>.</summary>
internal sealed class ExapyteClient : IExapyteClient, IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(5);

    private readonly ExapyteClientOptions options;
    private readonly MonotonicClock clock;
    private readonly ClientMeter meter;
    private readonly DeadlineSweeper sweeper;
    private readonly OperationRunner operations;
    private readonly BatchRunner batches;
    private readonly ScanRunner scans;
    private readonly SnapshotReader snapshots;
    private readonly KeyspaceAdministration keyspaces;
    private readonly ClusterView cluster;
    private volatile bool disposed;

    /// <param name="grains">The silo's own factory, or an Orleans client.</param>
    /// <param name="insideSilo">Whether <paramref name="grains"/> is a silo's own.</param>
    /// <param name="options">The validated settings.</param>
    /// <param name="time">The clock of deadlines and pauses.</param>
    /// <param name="meters">Where the meter is made; null: a meter of its own.</param>
    /// <param name="news">Word of new leaders and maps, where a node of the same process has it; null: none.</param>
    public ExapyteClient(
        IGrainFactory grains,
        bool insideSilo,
        ExapyteClientOptions options,
        TimeProvider time,
        IMeterFactory? meters,
        NodeNews? news = null
    )
    {
        this.options = options;
        clock = new(time);
        meter = new(meters);
        sweeper = new(clock);
        var failures = new CallFailures(insideSilo);
        var calls = new GrainCalls(options, clock, failures);
        var lanes = new LaneContext(options, clock, sweeper, failures, meter) { News = news ?? new() };
        var regions = new NodeRegions(
            options,
            clock,
            async () =>
                (
                    await calls.TryAsync(
                        () => grains.GetGrain<IControlPlaneGrain>(0).Topology(),
                        CancellationToken.None
                    )
                ).Value
        );
        var maps = new MapCache(grains, new RouteBuilder(grains, lanes, regions), options, clock);
        lanes.NewerMap = maps.Offer;
        news?.Leaders.Listen(maps.HearOf);
        news?.Maps.Listen(maps.HearOf);
        var paths = new Pathfinder(maps, options, clock);
        operations = new(paths, options, clock, meter);
        batches = new(paths, options, clock, meter);
        var shards = new ShardScanner(paths, maps, options, clock, failures, meter);
        scans = new(paths, shards, options, clock);
        snapshots = new(paths, shards, options, clock);
        keyspaces = new(grains, maps, calls);
        cluster = new(grains, maps, regions, calls, options, lanes.News);
    }

    public ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(operation);
        ThrowIfOver(cancellationToken);
        return operations.RunAsync(
            keyspace,
            RequestFingerprint.Name(operation),
            clock.After(options.OperationTimeout),
            cancellationToken
        );
    }

    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(operations);
        ThrowIfOver(cancellationToken);
        var call = new BatchCall(
            RequestFingerprint.Name(operations, atomic),
            atomic,
            clock.After(options.OperationTimeout)
        );
        return batches.RunAsync(keyspace, call, cancellationToken);
    }

    public ValueTask<ScanPage> ScanAsync(
        string keyspace,
        ScanQuery query,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(query);
        ThrowIfOver(cancellationToken);
        return scans.RunAsync(keyspace, query, cancellationToken);
    }

    public IAsyncEnumerable<SnapshotPart> ReadSnapshotAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return snapshots.ReadAsync(keyspace, cancellationToken);
    }

    public Task<KeyspaceReply> PutKeyspaceAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(settings);
        ThrowIfOver(cancellationToken);
        return keyspaces.PutAsync(keyspace, settings, cancellationToken);
    }

    public Task<KeyspaceReply> GetKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return keyspaces.GetAsync(keyspace, cancellationToken);
    }

    public Task<KeyspaceReply> DeleteKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return keyspaces.DeleteAsync(keyspace, cancellationToken);
    }

    public Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver(cancellationToken);
        return cluster.ListKeyspacesAsync(cancellationToken);
    }

    public Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver(cancellationToken);
        return cluster.GetTopologyAsync(cancellationToken);
    }

    public Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return cluster.GetShardsAsync(keyspace, cancellationToken);
    }

    public Task<IReadOnlyList<string>> GetReasonsNotReadyAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver(cancellationToken);
        return cluster.GetReasonsNotReadyAsync(cancellationToken);
    }

    /// <summary>Takes nothing new, waits for what is under way (as long as an operation may take), then lets go.</summary>
    public async ValueTask DisposeAsync()
    {
        disposed = true;
        var deadlineMs = clock.After(options.OperationTimeout);
        while (sweeper.AnyBusy() && clock.NowMs < deadlineMs)
        {
            await Task.Delay(DrainPoll, clock.Time);
        }
        Dispose();
    }

    /// <summary>Takes nothing new. Deadlines of what is under way are no longer watched: prefer <see cref="DisposeAsync"/>.</summary>
    public void Dispose()
    {
        disposed = true;
        sweeper.Dispose();
        meter.Dispose();
    }

    private void ThrowIfOver(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(IExapyteClient));
        cancellationToken.ThrowIfCancellationRequested();
    }
}
