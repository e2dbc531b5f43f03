using System.Diagnostics;
using System.Globalization;
using Exapyte.Storage.Child;

namespace Exapyte.Storage.Tests.Log;

/// <summary>A process that runs <see cref="LogWriter"/> until it is killed.</summary>
sealed class LogWriterProcess : IDisposable
{
    readonly Process _process;

    public LogWriterProcess(string folder)
    {
        var start = new ProcessStartInfo(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH") ?? "dotnet")
        {
            ArgumentList = { typeof(LogWriter).Assembly.Location, "log", folder },
            RedirectStandardOutput = true,
            UseShellExecute = false,
        };
        _process = Process.Start(start)!;
    }

    /// <summary>Waits for the next acknowledgement: all entries of a group through an index are durable.</summary>
    public async Task<(ulong Group, ulong Index)> ReadAcknowledgedAsync(CancellationToken cancellation)
    {
        var line = await _process.StandardOutput.ReadLineAsync(cancellation);
        var words = (line ?? throw new InvalidOperationException("the writer ended by itself")).Split(' ');
        return (
            ulong.Parse(words[0], CultureInfo.InvariantCulture),
            ulong.Parse(words[1], CultureInfo.InvariantCulture)
        );
    }

    /// <summary>SIGKILL, in the middle of whatever it does.</summary>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
