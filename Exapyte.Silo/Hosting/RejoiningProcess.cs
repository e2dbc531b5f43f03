using System.Runtime.InteropServices;

namespace Exapyte.Silo.Hosting;

/// <summary>
/// What the process does once it learns that the others have voted its node out, which they do with one that was silent for
/// too long: a laptop that slept, a machine without a processor to spare. The node's data is as good as before, only its
/// membership is over: the process starts anew in its own place, with the same arguments and the same process id, instead of
/// leaving that to a supervisor. Every other fatal error ends it.
/// </summary>
/// <remarks>
/// On Linux by <c>execv</c>: it ends all threads at once, as a kill does, and every file and socket of the process is opened
/// so that it is closed by that. Elsewhere the process ends with 134.
/// </remarks>
/// <param name="mayRejoin">Whether it starts anew.</param>
/// <param name="error">Where the operator is told; not the log, whose queue would be lost.</param>
internal sealed partial class RejoiningProcess(bool mayRejoin, TextWriter error) : IFatalErrorHandler
{
    private int ending;

    /// <inheritdoc/>
    public bool IsUnexpected(Exception exception) => true;

    /// <inheritdoc/>
    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        if (Interlocked.Exchange(ref ending, 1) == 1)
        {
            return;
        }
        if (!IsVotedOut(sender))
        {
            Environment.FailFast($"Fatal error of {sender}: {context}", exception);
        }
        if (mayRejoin && OperatingSystem.IsLinux() && Environment.ProcessPath is { } program)
        {
            error.WriteLine("exapyte: the other nodes have voted this one out: it starts anew and joins them again");
            error.Flush();
            StartAnew(program);
        }
        Environment.FailFast($"The other nodes have voted this one out: {context}", exception);
    }

    /// <summary>
    /// Orleans tells it by text only, which names the rows of all members too; its manager of the membership table has one
    /// fatal error, this one.
    /// </summary>
    private static bool IsVotedOut(object? sender) => sender?.GetType().Name == "MembershipTableManager";

    private void StartAnew(string program)
    {
        string?[] arguments = [.. File.ReadAllText("/proc/self/cmdline").TrimEnd('\0').Split('\0'), null];
        Execute(program, arguments);
        error.WriteLine($"exapyte: {program} cannot be started anew: error {Marshal.GetLastPInvokeError()}");
        error.Flush();
    }

    /// <summary>Returns only where it failed.</summary>
    [LibraryImport("libc", EntryPoint = "execv", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Execute(string program, string?[] arguments);
}
