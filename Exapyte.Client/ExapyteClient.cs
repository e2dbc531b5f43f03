using System.Diagnostics.Metrics;
using Exapyte.Client.Administration;
using Exapyte.Client.Backups;
using Exapyte.Client.Caching;
using Exapyte.Client.Changes;
using Exapyte.Client.Connections;
using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Routing;
using Exapyte.Client.Scans;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Options;

namespace Exapyte.Client;

/// <summary>
/// The client: see <see cref="IExapyteClient"/>. In an application it comes from <c>AddExapyteClient</c>; elsewhere from
/// <see cref="ConnectAsync"/>.
/// </summary>
public sealed class ExapyteClient : IExapyteClient, IAsyncDisposable, IDisposable
{
    private static readonly TimeSpan CallTimeoutMin = TimeSpan.FromMilliseconds(1);
    private static readonly TimeSpan CallTimeoutMax = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan HeartbeatMin = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan HeartbeatMax = TimeSpan.FromHours(1);
    private static readonly TimeSpan DrainPoll = TimeSpan.FromMilliseconds(5);

    private readonly ExapyteClientOptions options;
    private readonly MonotonicClock clock;
    private readonly ClientMeter meter;
    private readonly DeadlineSweeper sweeper;
    private readonly OperationRunner operations;
    private readonly BatchRunner batches;
    private readonly MapResolver paths;
    private readonly ScanRunner scans;
    private readonly SnapshotReader snapshots;
    private readonly ChangeFeeds feeds;
    private readonly ChangeWatch watch;
    private readonly KeyspaceAdministration keyspaces;
    private readonly ClusterView cluster;
    private ClusterConnection? owned;
    private volatile bool disposed;

    /// <param name="grains">The silo's own factory, or an Orleans client.</param>
    /// <param name="insideSilo">Whether <paramref name="grains"/> is a silo's own.</param>
    /// <param name="options">The validated settings.</param>
    /// <param name="time">The clock of deadlines and pauses.</param>
    /// <param name="meters">Where the meter is made; null: a meter of its own.</param>
    /// <param name="news">Word of new leaders and maps, where a node of the same process has it; null: none.</param>
    /// <param name="connection">The connection that it goes by, where it is in no node's process; null: none.</param>
    internal ExapyteClient(
        IGrainFactory grains,
        bool insideSilo,
        ExapyteClientOptions options,
        TimeProvider time,
        IMeterFactory? meters,
        NodeNews? news = null,
        GatewayConnections? connection = null
    )
    {
        this.options = options;
        var gateways = connection ?? new(isTold: false);
        var ids = new RequestIds();
        clock = new(time);
        meter = new(meters);
        sweeper = new(clock);
        var failures = new CallFailures(insideSilo);
        var calls = new GrainCalls(options, clock, failures);
        var lanes = new LaneContext(options, clock, sweeper, failures, meter)
        {
            Gateways = gateways,
            News = news ?? new(),
        };
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
        // Elsewhere than beside a node nobody would say what changes.
        var caches = news is null ? null : new EntryCaches(options, clock, meter);
        var maps = new MapCache(grains, new RouteBuilder(grains, lanes, regions, caches), options, clock);
        lanes.NewerMap = maps.Offer;
        gateways.Lost = sweeper.ConnectionLost;
        news?.Leaders.Listen(maps.HearOf);
        news?.Maps.Listen(maps.HearOf);
        if (caches is not null)
        {
            news?.Changes.Listen(caches.HearOf);
        }
        paths = new MapResolver(maps, options, clock);
        var loop = new RetryLoop(paths, options, clock, meter);
        var cached = caches is null ? null : new CachedReads(caches, options, clock);
        operations = new(paths, loop, options, meter, ids, caches, cached);
        batches = new(paths, loop, options, meter, ids, caches);
        var asker = new ShardAsker(maps, clock, failures);
        var shards = new ShardScanner(loop, asker, options);
        snapshots = new(paths, shards, options, clock);
        var changes = new ShardChangesReader(loop, asker, options, clock);
        scans = new(paths, shards, new ListingPositions(changes, options, clock), options, clock);
        feeds = new(changes, clock);
        watch = new(paths, changes, feeds, options, clock);
        keyspaces = new(grains, maps, calls);
        cluster = new(grains, maps, regions, calls, options, lanes.News);
    }

    /// <summary>Connects to a cluster of other processes. Dispose the client to disconnect.</summary>
    /// <param name="addresses">
    /// Nodes of the cluster as <c>host:port</c>, separated by commas, each with its port for .NET clients. Name several: the
    /// client survives the loss of those that it knows.
    /// </param>
    /// <param name="configure">Changes the settings; null: the defaults.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="FormatException">The addresses are none.</exception>
    /// <exception cref="OptionsValidationException">The settings are not acceptable; every reason is told.</exception>
    /// <exception cref="ExapyteConnectException">
    /// No node answered within <see cref="ExapyteClientOptions.ConnectTimeout"/>; the message says what was found.
    /// </exception>
    public static async Task<ExapyteClient> ConnectAsync(
        string addresses,
        Action<ExapyteClientOptions>? configure = null,
        CancellationToken cancellationToken = default
    )
    {
        var settings = new ExapyteClientOptions();
        configure?.Invoke(settings);
        ExapyteClientOptionsValidator.Demand(settings);
        var connection = new ClusterConnection(ClusterAddresses.Parse(addresses), settings, loggers: null);
        try
        {
            await connection.OpenAsync(cancellationToken).ConfigureAwait(false);
            return new ExapyteClient(
                connection.Grains,
                insideSilo: false,
                settings,
                TimeProvider.System,
                meters: null,
                connection: connection.Gateways
            )
            {
                owned = connection,
            };
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CancellationToken cancellationToken = default
    ) => ExecuteAsync(keyspace, operation, default, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CallOptions call,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(operation);
        ThrowIfOver(cancellationToken);
        return operations.RunAsync(
            keyspace,
            RequestFingerprint.Name(operation),
            new CallTerms(DeadlineOf(call), call.NamesWrites, call.Session),
            cancellationToken
        );
    }

    /// <inheritdoc/>
    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CancellationToken cancellationToken = default
    ) => ExecuteBatchAsync(keyspace, operations, atomic, default, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CallOptions call,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(operations);
        ThrowIfOver(cancellationToken);
        var named = RequestFingerprint.Name(operations, atomic);
        return batches.RunAsync(
            keyspace,
            new BatchCall(named, atomic, DeadlineOf(call), call.NamesWrites, call.Session),
            cancellationToken
        );
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public IAsyncEnumerable<ChangesPart> WatchAsync(
        string keyspace,
        ChangesQuery query,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ArgumentNullException.ThrowIfNull(query);
        ArgumentOutOfRangeException.ThrowIfLessThan(query.Heartbeat, HeartbeatMin, nameof(query));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(query.Heartbeat, HeartbeatMax, nameof(query));
        ThrowIfOver(cancellationToken);
        return watch.RunAsync(keyspace, query, cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<SnapshotPart> ReadSnapshotAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return snapshots.ReadAsync(keyspace, cancellationToken);
    }

    /// <inheritdoc/>
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

    /// <inheritdoc/>
    public Task<KeyspaceReply> GetKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return keyspaces.GetAsync(keyspace, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<KeyspaceReply> DeleteKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return keyspaces.DeleteAsync(keyspace, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver(cancellationToken);
        return cluster.ListKeyspacesAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken = default)
    {
        ThrowIfOver(cancellationToken);
        return cluster.GetTopologyAsync(cancellationToken);
    }

    /// <inheritdoc/>
    public Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    )
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        return cluster.GetShardsAsync(keyspace, cancellationToken);
    }

    /// <inheritdoc/>
    public Task<Usage?> GetUseAsync(KeyspaceMap map, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(map);
        ThrowIfOver(cancellationToken);
        return cluster.GetUseAsync(map, cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask<KeyspaceMap?> GetMapAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(keyspace);
        ThrowIfOver(cancellationToken);
        var lookup = await paths.FindAsync(keyspace, clock.After(options.OperationTimeout), cancellationToken);
        return lookup.Map?.Map;
    }

    /// <inheritdoc/>
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
        if (Interlocked.Exchange(ref owned, null) is { } connection)
        {
            await connection.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Takes nothing new. Deadlines of what is under way are no longer watched: prefer <see cref="DisposeAsync"/>.</summary>
    public void Dispose()
    {
        disposed = true;
        feeds.Dispose();
        sweeper.Dispose();
        meter.Dispose();
    }

    private long DeadlineOf(CallOptions call)
    {
        if (call.Timeout is not { } timeout)
        {
            return clock.After(options.OperationTimeout);
        }
        ArgumentOutOfRangeException.ThrowIfLessThan(timeout, CallTimeoutMin, nameof(call));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, CallTimeoutMax, nameof(call));
        return clock.After(timeout);
    }

    private void ThrowIfOver(CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(disposed, typeof(IExapyteClient));
        cancellationToken.ThrowIfCancellationRequested();
    }
}
