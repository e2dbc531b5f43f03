namespace Exapyte.Testing.Processes;

/// <summary>The database through which several silos find each other.</summary>
public sealed record ClusterDatabase(string Provider, string ConnectionString)
{
    public static ClusterDatabase Sqlite(string file) => new("sqlite", $"Data Source={file}");

    public static ClusterDatabase Postgres(string connectionString) => new("postgres", connectionString);
}

/// <summary>How one silo process is started. Ports stay the same over its restarts.</summary>
public sealed record SiloSettings
{
    public required string NodeId { get; init; }

    public required string DataFolder { get; init; }

    public string Region { get; init; } = "default";

    public string Zone { get; init; } = "default";

    /// <summary>Whether replicas move unasked; most tests say where they are to be.</summary>
    public bool AutoBalances { get; init; }

    /// <summary>Absent: a single embedded node.</summary>
    public ClusterDatabase? Cluster { get; init; }

    public int HttpPort { get; init; } = FreePorts.Next();

    public int SiloPort { get; init; } = FreePorts.Next();

    public int GatewayPort { get; init; } = FreePorts.Next();

    /// <summary>The address it listens on for HTTP.</summary>
    public string HttpHost { get; init; } = "127.0.0.1";

    /// <summary>Environment variables that it has beside those of the test, as <c>NAME=value</c>.</summary>
    public IReadOnlyList<string> Variables { get; init; } = [];

    /// <summary>The network that it lives in, under its node id; absent, this machine's loopback.</summary>
    public PartitionableNetwork? Network { get; init; }

    public Uri Url => new($"http://{Network?.AddressOf(NodeId) ?? "127.0.0.1"}:{HttpPort}");

    public IEnumerable<string> Arguments()
    {
        string[] always =
        [
            "--node",
            NodeId,
            "--data",
            DataFolder,
            "--http",
            $"http://{Network?.AddressOf(NodeId) ?? HttpHost}:{HttpPort}",
            "--silo-port",
            $"{SiloPort}",
            "--gateway-port",
            $"{GatewayPort}",
            "--region",
            Region,
            "--zone",
            Zone,
            "--auto-balance",
            AutoBalances ? "true" : "false",
        ];
        string[] cluster = Cluster is null
            ? []
            : ["--cluster", Cluster.ConnectionString, "--provider", Cluster.Provider];
        string[] network = Network is null ? [] : ["--advertise", Network.AddressOf(NodeId), "--insecure"];
        return [.. always, .. cluster, .. network];
    }
}

/// <summary>A real silo in a process of its own, driven from outside: by HTTP and by signals.</summary>
public sealed class SiloProcess : ChildProcess
{
    /// <summary>Far above what a start takes, so that a busy machine fails no test.</summary>
    public static readonly TimeSpan ReadyDeadline = TimeSpan.FromSeconds(60);

    static readonly TimeSpan s_drainDeadline = TimeSpan.FromSeconds(30);

    /// <summary>The process ended itself with an abort.</summary>
    const int ExitCodeOfAnAbort = 134;

    RestAnswer? _lastAnswer;

    readonly bool _ownsRest;

    SiloProcess(SiloSettings settings, RestClient? rest)
        : base(FileOf(settings), ArgumentsOf(settings))
    {
        Settings = settings;
        Rest = rest ?? new RestClient(settings.Url) { ServerOutput = () => Output };
        _ownsRest = rest is null;
    }

    public SiloSettings Settings { get; }

    public RestClient Rest { get; }

    /// <summary>
    /// The built host, in the solution's artifacts for the configuration that this test was built with. Run directly, so
    /// that a signal reaches the silo itself and not a launcher.
    /// </summary>
    public static string Executable { get; } = ExecutableOf("Exapyte.Silo");

    /// <summary>
    /// It ended itself because the others voted it out, which a starved machine brings about as well as a real failure.
    /// The product expects to be started again after this. It says so with the last that it says, and ends with the code
    /// that the documentation of the process names; whatever else a node died of is a fault.
    /// </summary>
    public bool WasVotedOut =>
        ExitCode == ExitCodeOfAnAbort && StandardError.Contains("told I am dead", StringComparison.Ordinal);

    /// <summary>Starts the process and returns at once.</summary>
    /// <param name="settings">How.</param>
    /// <param name="rest">A client of the same address that outlives the process; absent, it has one of its own.</param>
    public static SiloProcess Launch(SiloSettings settings, RestClient? rest = null) => new(settings, rest);

    /// <summary>Starts the process and returns when it says that it is ready.</summary>
    /// <exception cref="InvalidOperationException">It ended instead; the message carries its output.</exception>
    /// <exception cref="TimeoutException">It did not become ready; the message carries its output.</exception>
    public static async Task<SiloProcess> StartAsync(SiloSettings settings)
    {
        var silo = Launch(settings);
        try
        {
            await silo.WaitUntilReadyAsync();
            return silo;
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Returns how long it took from now.</summary>
    public Task<TimeSpan> WaitUntilReadyAsync() =>
        Poll.UntilAsync($"{Settings.NodeId} is ready", ReadyDeadline, IsReadyAsync, () => $"{_lastAnswer}\n{Output}");

    /// <summary>
    /// Waits until it has said something. It does not stand in <see cref="ChildProcess.Output"/> at once: the silo logs in
    /// the background, and the line then comes through a pipe.
    /// </summary>
    /// <exception cref="TimeoutException">It never said so; the message carries its output.</exception>
    public Task WaitUntilItSaysAsync(string text) =>
        Poll.UntilAsync(
            $"{Settings.NodeId} says: {text}",
            ReadyDeadline,
            () => Task.FromResult(Output.Contains(text, StringComparison.Ordinal)),
            () => Output
        );

    /// <summary>SIGTERM, and waits for the end. Returns the exit code.</summary>
    public Task<int> DrainAsync()
    {
        Terminate();
        return WaitForExitAsync(s_drainDeadline);
    }

    protected override async ValueTask DisposeAsyncCore()
    {
        await base.DisposeAsyncCore();
        if (_ownsRest)
            Rest.Dispose();
    }

    // "env" and "ip netns exec" become the silo instead of staying above it, so that signals reach the silo itself.
    static string FileOf(SiloSettings settings) => settings.Network is null ? "env" : "ip";

    static IEnumerable<string> ArgumentsOf(SiloSettings settings)
    {
        string[] network = settings.Network is { } cut
            ? ["netns", "exec", cut.NamespaceOf(settings.NodeId), "env"]
            : [];
        return [.. network, .. settings.Variables, Executable, .. settings.Arguments()];
    }

    async Task<bool> IsReadyAsync()
    {
        if (HasExited)
        {
            var exitCode = await WaitForExitAsync(s_drainDeadline);
            throw new InvalidOperationException($"{Settings.NodeId} ended with {exitCode}.\n{Output}");
        }
        _lastAnswer = await Rest.ReadyAsync();
        return _lastAnswer.IsSuccess;
    }

    /// <summary>The built program of a project, in the configuration that this test was built with.</summary>
    /// <exception cref="InvalidOperationException">It is not built.</exception>
    public static string ExecutableOf(string project)
    {
        var configuration = Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/'));
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var built = Path.Combine(at.FullName, "artifacts/bin", project, configuration, project);
            if (File.Exists(built))
                return built;
        }
        throw new InvalidOperationException($"No built {project} ({configuration}) above {AppContext.BaseDirectory}.");
    }
}
