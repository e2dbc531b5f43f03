using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Ends the process in good order once the node was removed from its cluster: it holds nothing any more, and its data
/// folder is not taken back. Thread-safe.
/// </summary>
internal sealed partial class NodeDeparture(IServiceProvider services, ILogger<NodeDeparture> logger)
{
    private int hasLeft;

    /// <summary>Asks the host to stop; does not wait for it.</summary>
    public void Leave()
    {
        if (Interlocked.Exchange(ref hasLeft, 1) != 0)
        {
            return;
        }
        LogLeaves(logger);
        // Beside the call, whose answer is still to go out.
        _ = Task.Run(() => services.GetService<IHostApplicationLifetime>()?.StopApplication());
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "This node was removed from its cluster and ends")]
    private static partial void LogLeaves(ILogger logger);
}
