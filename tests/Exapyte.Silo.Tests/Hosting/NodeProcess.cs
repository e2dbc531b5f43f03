using System.Collections.Concurrent;
using System.Diagnostics;
using System.Runtime.InteropServices;
using Exapyte.Testing.Security;
using Xunit;
using FreePorts = Exapyte.Testing.Processes.FreePorts;

namespace Exapyte.Silo.Tests.Hosting;

/// <summary>The real executable as a child process, on ports of its own.</summary>
internal sealed partial class NodeProcess : IAsyncDisposable
{
    /// <summary>The region that the environment of every node names.</summary>
    public const string EnvironmentRegion = "from-environment";

    private const int SignalTerminate = 15;

    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);
    private static readonly string[] TellingOfSmallMachines =
    [
        "Microsoft.AspNetCore.Server.Kestrel[22]",
        "Orleans.Runtime.AsyncTimer",
        "Orleans.Runtime.MembershipService.LocalSiloHealthMonitor",
        "Orleans.Runtime.Scheduler",
        // With one processor: the server's garbage collector is not used.
        "Orleans.Runtime.Silo[100405]",
    ];

    private static readonly TimeSpan PollPeriod = TimeSpan.FromMilliseconds(25);

    private readonly Process process;
    private readonly HttpClient http;
    private readonly ConcurrentQueue<string> output = new();
    private readonly ConcurrentQueue<string> error = new();

    private NodeProcess(IEnumerable<string> args, string workingFolder, HttpClient? http = null)
    {
        this.http = http ?? new();
        string program = Path.Combine(AppContext.BaseDirectory, "Exapyte.Silo.dll");
        ProcessStartInfo start = new("dotnet", [program, .. args])
        {
            UseShellExecute = false,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingFolder,
        };
        // Those of the tests are no settings, and a node would say so.
        foreach (string name in start.Environment.Keys.Where(IsOfTests).ToList())
            start.Environment.Remove(name);
        start.Environment["EXAPYTE__REGION"] = EnvironmentRegion;
        process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, line) => Keep(output, line.Data);
        process.ErrorDataReceived += (_, line) => Keep(error, line.Data);
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    private static bool IsOfTests(string variable) =>
        variable.StartsWith("EXAPYTE_", StringComparison.Ordinal)
        && !variable.StartsWith("EXAPYTE__", StringComparison.Ordinal);

    /// <summary>Where its gateway listens.</summary>
    public required Uri Http { get; init; }

    /// <summary>Where .NET clients reach it.</summary>
    public required int GatewayPort { get; init; }

    public string Output => string.Join('\n', output);

    public IReadOnlyList<string> Error => [.. error];

    /// <summary>Its warnings, but for those by which the frameworks say that they got no processor in time, or have only one.</summary>
    public IReadOnlyList<string> Warnings =>
        [
            .. output.Where(line =>
                line.Contains("warn: ", StringComparison.Ordinal)
                && !Array.Exists(
                    TellingOfSmallMachines,
                    category => line.Contains("warn: " + category, StringComparison.Ordinal)
                )
            ),
        ];

    /// <summary>Starts a node in <paramref name="folder"/>; <paramref name="more"/> must not repeat an option.</summary>
    public static NodeProcess Launch(TemporaryFolder folder, string data, NodePorts ports, params string[] more)
    {
        Uri address = new($"http://127.0.0.1:{ports.Http}");
        string[] args =
        [
            "--data",
            data,
            "--silo-port",
            $"{ports.Silo}",
            "--gateway-port",
            $"{ports.Gateway}",
            "--http",
            $"{address}",
            .. more,
        ];
        return new NodeProcess(args, folder.File("")) { Http = address, GatewayPort = ports.Gateway };
    }

    /// <summary>Starts a node whose gateway serves TLS by the certificate <c>node</c> of the authority.</summary>
    public static NodeProcess LaunchSecured(
        TemporaryFolder folder,
        string data,
        NodePorts ports,
        TestAuthority authority,
        params string[] more
    )
    {
        Uri address = new($"https://127.0.0.1:{ports.Http}");
        string[] args =
        [
            "--data",
            data,
            "--silo-port",
            $"{ports.Silo}",
            "--gateway-port",
            $"{ports.Gateway}",
            "--http",
            $"{address}",
            "--tls-cert",
            authority.CertificateFile("node"),
            "--tls-key",
            authority.KeyFile("node"),
            .. more,
        ];
        return new NodeProcess(args, folder.File(""), authority.CreateHttp())
        {
            Http = address,
            GatewayPort = ports.Gateway,
        };
    }

    /// <summary>
    /// Waits until the node takes work and has told the operator so, which it does last; fails with the output when the
    /// process ends instead.
    /// </summary>
    public async Task WaitUntilReadyAsync()
    {
        long start = Stopwatch.GetTimestamp();
        while (!(await AnswersAsync() && HasSaid("Ready ")))
        {
            if (process.HasExited || Stopwatch.GetElapsedTime(start) > Deadline)
                throw new InvalidOperationException($"Not ready.\n{Output}\n{string.Join('\n', error)}");
            await Task.Delay(PollPeriod);
        }
    }

    /// <summary>SIGTERM.</summary>
    public void Terminate() => Assert.Equal(0, Kill(process.Id, SignalTerminate));

    /// <summary>Waits for the end by itself and returns the exit code.</summary>
    public async Task<int> WaitForExitAsync()
    {
        using CancellationTokenSource deadline = new(Deadline);
        await process.WaitForExitAsync(deadline.Token);
        return process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        http.Dispose();
    }

    /// <summary>Whether it has printed a line that begins so.</summary>
    public bool HasSaid(string line) => output.Any(said => said.StartsWith(line, StringComparison.Ordinal));

    private async Task<bool> AnswersAsync()
    {
        try
        {
            using HttpResponseMessage response = await http.GetAsync(new Uri(Http, "/readyz"));
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private static void Keep(ConcurrentQueue<string> lines, string? line)
    {
        if (line is not null)
            lines.Enqueue(line);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}

/// <summary>The three ports of a node.</summary>
internal readonly record struct NodePorts(int Http, int Silo, int Gateway)
{
    public static NodePorts Free() => new(FreePorts.Next(), FreePorts.Next(), FreePorts.Next());
}
