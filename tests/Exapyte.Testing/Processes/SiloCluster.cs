using System.Collections.Concurrent;

namespace Exapyte.Testing.Processes;

/// <summary>
/// Several silo processes that form one cluster, each of which can be killed, frozen and started again. As in production
/// a supervisor starts a node again that the others voted out; a node that the test killed stays dead. Each node's
/// client outlives its restarts.
/// </summary>
public sealed class SiloCluster : IAsyncDisposable
{
    const int EarlierOutputCharactersMax = 64 * 1024;

    static readonly TimeSpan s_superviseEvery = TimeSpan.FromMilliseconds(200);

    readonly TemporaryFolder _folder;
    readonly ConcurrentDictionary<string, SiloProcess> _silos = new(StringComparer.Ordinal);
    readonly Dictionary<string, RestClient> _clients = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, bool> _meantToBeDown = new(StringComparer.Ordinal);
    readonly ConcurrentDictionary<string, string> _earlierOutputs = new(StringComparer.Ordinal);
    readonly SemaphoreSlim _changes = new(1, 1);
    readonly CancellationTokenSource _supervisionEnds = new();
    readonly Task _supervisor;
    readonly ClusterDatabase _database;
    readonly PartitionableNetwork? _network;

    SiloCluster(TemporaryFolder folder, ClusterDatabase database, PartitionableNetwork? network)
    {
        _network = network;
        _supervisor = SuperviseAsync(_supervisionEnds.Token);
        _folder = folder;
        _database = database;
    }

    /// <summary>All nodes, dead ones too.</summary>
    public IReadOnlyCollection<string> NodeIds => _clients.Keys;

    public IEnumerable<SiloProcess> Running => _silos.Values.Where(silo => !silo.HasExited);

    public SiloProcess this[string nodeId] => _silos[nodeId];

    /// <summary>Starts nodes n1, n2, ... in the given regions, all at once, and returns when each is ready.</summary>
    /// <param name="postgres">Where the cluster meets; absent, in a SQLite file of its own.</param>
    public static Task<SiloCluster> StartAsync(PostgresServer? postgres, params string[] regions) =>
        StartAsync(postgres, network: null, regions);

    static async Task<SiloCluster> StartAsync(PostgresServer? postgres, PartitionableNetwork? network, string[] regions)
    {
        var folder = new TemporaryFolder("cluster");
        var database = postgres is null
            ? ClusterDatabase.Sqlite(folder.File("cluster.db"))
            : ClusterDatabase.Postgres(await postgres.CreateDatabaseAsync());
        var cluster = new SiloCluster(folder, database, network);
        try
        {
            for (var index = 0; index < regions.Length; index++)
                cluster.Launch($"n{index + 1}", regions[index]);
            await cluster.WaitUntilReadyAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    public static Task<SiloCluster> StartThreeAsync(PostgresServer? postgres) =>
        StartAsync(postgres, "default", "default", "default");

    /// <summary>
    /// Starts the nodes n1, n2 and n3 of the given network. They meet in a SQLite file, which no cut of the network hides.
    /// </summary>
    public static Task<SiloCluster> StartThreeAsync(PartitionableNetwork network) =>
        StartAsync(postgres: null, network, ["default", "default", "default"]);

    /// <summary>Starts a node that was not there before.</summary>
    public async Task AddAsync(string nodeId, string region)
    {
        Launch(nodeId, region);
        await WaitUntilReadyAsync(nodeId);
    }

    /// <summary>
    /// SIGKILL to a node, which stays dead until the test starts it again, even where it had just been voted out.
    /// </summary>
    public Task KillAsync(string nodeId) => KillAsync([nodeId]);

    /// <summary>SIGKILL to every node, as near to one instant as can be.</summary>
    public Task KillAllAsync() => KillAsync(NodeIds);

    /// <summary>
    /// SIGTERM to a node, which stays down until the test starts it again. One that is voted out before it has ended in
    /// order is started and asked again.
    /// </summary>
    /// <returns>The exit code.</returns>
    public async Task<int> DrainAsync(string nodeId)
    {
        while (true)
        {
            await _changes.WaitAsync();
            try
            {
                _meantToBeDown[nodeId] = true;
                var exitCode = await _silos[nodeId].DrainAsync();
                if (exitCode == 0 || !_silos[nodeId].WasVotedOut)
                    return exitCode;
            }
            finally
            {
                _changes.Release();
            }
            await RestartAsync(nodeId);
        }
    }

    /// <summary>Starts a dead node again with its data and ports, and waits until it is ready.</summary>
    public async Task RestartAsync(string nodeId)
    {
        await RelaunchAsync(nodeId, isWanted: true);
        await WaitUntilReadyAsync(nodeId);
    }

    /// <summary>Starts every dead node again and waits until all are ready.</summary>
    public async Task RestartAllAsync()
    {
        foreach (var nodeId in NodeIds)
            await RelaunchAsync(nodeId, isWanted: true);
        await WaitUntilReadyAsync();
    }

    /// <summary>
    /// Returns where a node runs, or was voted out and is about to be started again, or was ended by the test.
    /// </summary>
    /// <exception cref="InvalidOperationException">It died of something else; the message carries its output.</exception>
    public async Task HasNotDiedByItselfAsync(string nodeId)
    {
        var silo = _silos[nodeId];
        if (!silo.HasExited || _meantToBeDown.ContainsKey(nodeId))
            return;
        // Waiting for the end also waits for the last of the output, which tells the reason.
        var exitCode = await silo.WaitForExitAsync(SiloProcess.ReadyDeadline);
        if (!silo.WasVotedOut)
            throw new InvalidOperationException($"{nodeId} ended by itself with {exitCode}.\n{silo.Output}");
    }

    /// <summary>What a node has printed, before its last restart too; the oldest part cut off.</summary>
    public string OutputOf(string nodeId) => _earlierOutputs.GetValueOrDefault(nodeId) + _silos[nodeId].Output;

    /// <summary>Waits until a node has said something, as <see cref="SiloProcess.WaitUntilItSaysAsync"/> does.</summary>
    /// <exception cref="TimeoutException">It never said so; the message carries all outputs.</exception>
    public Task WaitUntilItSaysAsync(string nodeId, string text) =>
        Poll.UntilAsync(
            $"{nodeId} says: {text}",
            SiloProcess.ReadyDeadline,
            () => Task.FromResult(OutputOf(nodeId).Contains(text, StringComparison.Ordinal)),
            Outputs
        );

    /// <summary>What each process printed last, for the message of a failure.</summary>
    public string Outputs() =>
        string.Join('\n', _silos.Select(silo => $"---- {silo.Key}\n{Tail(OutputOf(silo.Key), charactersMax: 8_000)}"));

    public async ValueTask DisposeAsync()
    {
        await _supervisionEnds.CancelAsync();
        await _supervisor;
        await Task.WhenAll(_silos.Values.Select(silo => silo.DisposeAsync().AsTask()));
        foreach (var client in _clients.Values)
            client.Dispose();
        _changes.Dispose();
        _supervisionEnds.Dispose();
        _folder.Dispose();
    }

    void Launch(string nodeId, string region)
    {
        var settings = new SiloSettings
        {
            NodeId = nodeId,
            DataFolder = _folder.File(nodeId),
            Region = region,
            Zone = region,
            Cluster = _database,
            Network = _network,
        };
        _clients.Add(nodeId, new RestClient(settings.Url) { ServerOutput = Outputs });
        _silos[nodeId] = SiloProcess.Launch(settings, _clients[nodeId]);
    }

    async Task KillAsync(IEnumerable<string> nodeIds)
    {
        await _changes.WaitAsync();
        try
        {
            foreach (var nodeId in nodeIds)
                _meantToBeDown[nodeId] = true;
            await Task.WhenAll(nodeIds.Select(nodeId => _silos[nodeId].KillAsync()));
        }
        finally
        {
            _changes.Release();
        }
    }

    /// <summary>Starts a dead node again; one that runs, because the supervisor was quicker, is left alone.</summary>
    /// <param name="nodeId">The node.</param>
    /// <param name="isWanted">The test asks for it, which it may have ended before; else the supervisor does.</param>
    async Task RelaunchAsync(string nodeId, bool isWanted)
    {
        await _changes.WaitAsync();
        try
        {
            if (isWanted)
                _meantToBeDown.TryRemove(nodeId, out _);
            var dead = _silos[nodeId];
            if (!dead.HasExited || _meantToBeDown.ContainsKey(nodeId))
                return;
            // Its disposal waits for the last of its output.
            await dead.DisposeAsync();
            _earlierOutputs[nodeId] = Tail(OutputOf(nodeId), EarlierOutputCharactersMax);
            _silos[nodeId] = SiloProcess.Launch(dead.Settings, _clients[nodeId]);
        }
        finally
        {
            _changes.Release();
        }
    }

    async Task SuperviseAsync(CancellationToken ends)
    {
        using var timer = new PeriodicTimer(s_superviseEvery);
        try
        {
            while (await timer.WaitForNextTickAsync(ends))
            {
                foreach (var (nodeId, silo) in _silos)
                {
                    if (silo.WasVotedOut)
                        await RelaunchAsync(nodeId, isWanted: false);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The cluster is being taken down.
        }
    }

    Task WaitUntilReadyAsync() => Task.WhenAll(NodeIds.Select(WaitUntilReadyAsync));

    async Task WaitUntilReadyAsync(string nodeId) =>
        await Poll.UntilAsync(
            $"{nodeId} is ready",
            SiloProcess.ReadyDeadline,
            async () =>
            {
                await HasNotDiedByItselfAsync(nodeId);
                return (await _silos[nodeId].Rest.ReadyAsync()).IsSuccess;
            },
            Outputs
        );

    static string Tail(string text, int charactersMax) => text.Length <= charactersMax ? text : text[^charactersMax..];
}
