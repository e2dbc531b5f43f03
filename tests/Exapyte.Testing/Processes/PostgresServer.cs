using Npgsql;

namespace Exapyte.Testing.Processes;

/// <summary>
/// A PostgreSQL server of a test's own: a fresh database cluster in a temporary folder, on a free port, bound to
/// loopback. PostgreSQL refuses to run as root, so root hands it to the user that Debian's package made.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    const string SystemUser = "postgres";
    const string DatabaseUser = "exapyte";

    static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(120);

    readonly TemporaryFolder _folder = new("postgres");
    readonly string _binaries = FindBinaries();
    readonly int _port = FreePorts.Next();
    ChildProcess? _server;
    int _databases;

    PostgresServer() { }

    string DataFolder => _folder.File("data");

    public static async Task<PostgresServer> CreateAsync()
    {
        var server = new PostgresServer();
        try
        {
            if (Environment.IsPrivilegedProcess)
                await ChildProcess.RunAsync("chown", [SystemUser, server._folder.Path], s_deadline);
            var (file, arguments) = server.Command(
                "initdb",
                ["--pgdata", server.DataFolder, "--username", DatabaseUser, "--auth", "trust", "--no-sync"]
            );
            await ChildProcess.RunAsync(file, arguments, s_deadline);
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts it on the same data and port as before, and waits until it accepts connections.</summary>
    public async Task StartAsync()
    {
        // What is under test is how silos use the database, not its own durability: it need not sync.
        string[] options =
        [
            "-D",
            DataFolder,
            "-p",
            $"{_port}",
            "-k",
            _folder.Path,
            "-h",
            "127.0.0.1",
            "-c",
            "fsync=off",
        ];
        var (file, arguments) = Command("postgres", options);
        _server = new ChildProcess(file, arguments);
        await Poll.UntilAsync("PostgreSQL accepts connections", s_deadline, AcceptsAsync, () => _server.Output);
    }

    /// <summary>Ends it at once, cutting every connection.</summary>
    public async Task StopAsync()
    {
        if (_server is null)
            return;
        _server.Quit();
        await _server.WaitForExitAsync(s_deadline);
        await _server.DisposeAsync();
        _server = null;
    }

    /// <summary>Makes an empty database and returns the string that connects to it.</summary>
    public async Task<string> CreateDatabaseAsync()
    {
        var name = $"cluster{Interlocked.Increment(ref _databases)}";
        await using var connection = new NpgsqlConnection(ConnectionString("postgres"));
        await connection.OpenAsync();
        await using var command = connection.CreateCommand();
        command.CommandText = $"create database {name}";
        await command.ExecuteNonQueryAsync();
        return ConnectionString(name);
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _folder.Dispose();
    }

    string ConnectionString(string database) =>
        $"Host=127.0.0.1;Port={_port};Username={DatabaseUser};Database={database}";

    async Task<bool> AcceptsAsync()
    {
        if (_server is { HasExited: true })
            throw new InvalidOperationException($"PostgreSQL ended.\n{_server.Output}");
        try
        {
            await using var connection = new NpgsqlConnection(ConnectionString("postgres") + ";Pooling=false");
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }

    // setpriv becomes the program instead of staying above it, so that signals reach the server itself.
    (string File, IEnumerable<string> Arguments) Command(string program, IEnumerable<string> arguments)
    {
        var path = Path.Combine(_binaries, program);
        return Environment.IsPrivilegedProcess
            ? ("setpriv", [$"--reuid={SystemUser}", $"--regid={SystemUser}", "--init-groups", path, .. arguments])
            : (path, arguments);
    }

    static string FindBinaries()
    {
        var onPath = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':');
        var debian = Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql") : [];
        return debian
                .OrderByDescending(version => version, StringComparer.Ordinal)
                .Select(version => Path.Combine(version, "bin"))
                .Concat(onPath)
                .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")))
            ?? throw new InvalidOperationException("PostgreSQL's server is not installed (package postgresql).");
    }
}
