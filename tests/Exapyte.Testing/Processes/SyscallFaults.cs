namespace Exapyte.Testing.Processes;

/// <summary>
/// Makes system calls of a process fail, or lie, by strace. Faults stay until the tracer is disposed; after that the
/// process goes on untouched.
/// </summary>
public sealed class SyscallFaults : ChildProcess
{
    /// <summary>Every call that makes something durable.</summary>
    public const string Syncs = "fsync,fdatasync,sync_file_range";

    static readonly TimeSpan s_attachDeadline = TimeSpan.FromSeconds(60);

    SyscallFaults(string file, IEnumerable<string> arguments)
        : base(file, arguments) { }

    /// <summary>Attaches to a running process; returns once its threads are traced.</summary>
    /// <param name="process">The process.</param>
    /// <param name="syscalls">For example <see cref="Syncs"/>.</param>
    /// <param name="fault">For example <c>error=EIO</c>; <c>error=EIO:when=1</c> for the first call of each thread.</param>
    public static async Task<SyscallFaults> AttachAsync(ChildProcess process, string syscalls, string fault)
    {
        var faults = new SyscallFaults(
            SystemTool.Find("strace", "strace"),
            ["-f", "-p", $"{process.Id}", "-e", $"trace={syscalls}", "-e", $"inject={syscalls}:{fault}"]
        );
        try
        {
            await Poll.UntilAsync(
                $"strace is attached to {process.Id}",
                s_attachDeadline,
                // Of this stream the beginning is kept, however many calls are traced before anybody looks.
                () => Task.FromResult(faults.StandardError.Contains("attached", StringComparison.Ordinal)),
                () => $"Tracing needs root, or CAP_SYS_PTRACE in a container.\n{faults.Output}"
            );
            return faults;
        }
        catch
        {
            await faults.DisposeAsync();
            throw;
        }
    }

    /// <summary>How many calls were made to fail so far, as far as the kept output tells.</summary>
    public int Injected => Output.Split("(INJECTED)").Length - 1;
}
