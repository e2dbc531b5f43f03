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
    readonly Lock _processLock = new();
    readonly StringBuilder _output = new();
    readonly Lock _outputLock = new();
    int? _exitCodeOnceDisposed;

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
        Id = _process.Id;
        _process.StandardInput.Close();
        s_running[Id] = _process;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Id { get; }

    /// <summary>
    /// Whether it is gone. Like the output and the exit code it can be asked for after the disposal too: whoever watches a
    /// process may be a moment behind whoever replaces it.
    /// </summary>
    public bool HasExited
    {
        get
        {
            lock (_processLock)
                return _exitCodeOnceDisposed is not null || _process.HasExited;
        }
    }

    /// <summary>What it ended with; null while it runs. An end by a signal is 128 and the signal's number.</summary>
    public int? ExitCode
    {
        get
        {
            lock (_processLock)
                return _exitCodeOnceDisposed ?? (_process.HasExited ? _process.ExitCode : null);
        }
    }

    /// <summary>Both streams in the order received, the oldest part cut off.</summary>
    public string Output => Read(_output);

    public string StandardError => StandardErrorLines();

    Func<string> StandardErrorLines { get; }

    /// <summary>SIGKILL: the process gets no chance to finish anything. Returns once it is gone.</summary>
    public async Task KillAsync()
    {
        lock (_processLock)
        {
            if (_exitCodeOnceDisposed is not null)
                return;
            if (!_process.HasExited)
                _process.Kill();
        }
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
            await UntilExitAsync(late.Token);
        }
        catch (OperationCanceledException exception)
        {
            throw new TimeoutException($"Still running after {deadline.TotalSeconds:0.#} s.\n{Output}", exception);
        }
        lock (_processLock)
            return _exitCodeOnceDisposed ?? _process.ExitCode;
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
        s_running.TryRemove(Id, out _);
        lock (_processLock)
        {
            _exitCodeOnceDisposed ??= _process.ExitCode;
            _process.Dispose();
        }
    }

    Task UntilExitAsync(CancellationToken late)
    {
        lock (_processLock)
            return _exitCodeOnceDisposed is null ? _process.WaitForExitAsync(late) : Task.CompletedTask;
    }

    // The number of a process that is gone may be another one's by now.
    void Signal(int signal)
    {
        if (!HasExited && kill(Id, signal) != 0 && !HasExited)
            throw new Win32Exception(Marshal.GetLastPInvokeError(), $"Signal {signal} to process {Id}");
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
