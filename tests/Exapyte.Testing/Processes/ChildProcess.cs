using System.Collections.Concurrent;
using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;

namespace Exapyte.Testing.Processes;

/// <summary>
/// A process that a test starts: its output is kept for the message of a failure, it takes signals, and it never
/// outlives the test run.
/// </summary>
public class ChildProcess : IAsyncDisposable
{
    const int SignalQuit = 3;
    const int SignalTerminate = 15;
    const int SignalContinue = 18;
    const int SignalStop = 19;
    const int OutputCharactersMax = 64 * 1024;

    static readonly ConcurrentDictionary<int, Process> s_running = new();

    readonly Process _process;
    readonly StringBuilder _output = new();
    readonly Lock _outputLock = new();

    static ChildProcess() => AppDomain.CurrentDomain.ProcessExit += static (_, _) => KillAll();

    public ChildProcess(string file, IEnumerable<string> arguments, string? workingFolder = null)
    {
        var start = new ProcessStartInfo(file, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            UseShellExecute = false,
            WorkingDirectory = workingFolder ?? Path.GetTempPath(),
        };
        _process = new Process { StartInfo = start };
        var error = new StringBuilder();
        _process.OutputDataReceived += (_, line) => Keep(line.Data, error: null);
        _process.ErrorDataReceived += (_, line) => Keep(line.Data, error);
        StandardErrorLines = () => Read(error);
        _process.Start();
        _process.StandardInput.Close();
        s_running[_process.Id] = _process;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id => _process.Id;

    public bool HasExited => _process.HasExited;

    /// <summary>Both streams in the order received, the oldest part cut off.</summary>
    public string Output => Read(_output);

    public string StandardError => StandardErrorLines();

    Func<string> StandardErrorLines { get; }

    /// <summary>SIGKILL: the process gets no chance to finish anything. Returns once it is gone.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>SIGTERM: asks it to end.</summary>
    public void Terminate() => Signal(SignalTerminate);

    /// <summary>SIGQUIT: what PostgreSQL takes as "end now".</summary>
    public void Quit() => Signal(SignalQuit);

    /// <summary>SIGSTOP: it stays there, silent, with all its connections open.</summary>
    public void Freeze() => Signal(SignalStop);

    /// <summary>SIGCONT: it goes on and finds that time has passed.</summary>
    public void Thaw() => Signal(SignalContinue);

    /// <returns>The exit code.</returns>
    /// <exception cref="TimeoutException">It still runs; the message carries its output.</exception>
    public async Task<int> WaitForExitAsync(TimeSpan deadline)
    {
        using var late = new CancellationTokenSource(deadline);
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException exception)
        {
            throw new TimeoutException($"Still running after {deadline.TotalSeconds:0.#} s.\n{Output}", exception);
        }
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await DisposeAsyncCore();
        GC.SuppressFinalize(this);
    }

    /// <summary>Runs a program to its end and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed; the message carries its output.</exception>
    public static async Task<string> RunAsync(string file, IEnumerable<string> arguments, TimeSpan deadline)
    {
        await using var child = new ChildProcess(file, arguments);
        var exitCode = await child.WaitForExitAsync(deadline);
        return exitCode == 0
            ? child.Output
            : throw new InvalidOperationException($"{file} ended with {exitCode}.\n{child.Output}");
    }

    protected virtual async ValueTask DisposeAsyncCore()
    {
        await KillAsync();
        s_running.TryRemove(_process.Id, out _);
        _process.Dispose();
    }

    void Signal(int signal)
    {
        if (kill(_process.Id, signal) != 0 && !_process.HasExited)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"Signal {signal} to process {_process.Id}");
    }

    void Keep(string? line, StringBuilder? error)
    {
        if (line is null)
            return;
        lock (_outputLock)
        {
            _output.AppendLine(line);
            if (_output.Length > OutputCharactersMax)
                _output.Remove(0, _output.Length - OutputCharactersMax);
            if (error is { Length: < OutputCharactersMax })
                error.AppendLine(line);
        }
    }

    string Read(StringBuilder kept)
    {
        lock (_outputLock)
            return kept.ToString();
    }

    static void KillAll()
    {
        foreach (var process in s_running.Values)
        {
            try
            {
                process.Kill();
            }
            catch (InvalidOperationException)
            {
                // It is gone already.
            }
        }
    }

    [DllImport("libc", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int kill(int pid, int signal);
}
