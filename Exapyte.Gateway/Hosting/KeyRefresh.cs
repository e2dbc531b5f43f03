using Exapyte.Client.Security;
using Exapyte.Security;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// Keeps the cluster's keys in a process that no node pushes them to: before anybody is served, and then by asking again and
/// again. While nobody answers callers are checked by the keys known last.
/// </summary>
internal sealed partial class KeyRefresh(
    IKeyAdministration keys,
    KnownKeys known,
    TimeProvider time,
    ILogger<KeyRefresh> logger
) : BackgroundService
{
    /// <summary>For how long a key that was revoked may go on here.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    /// <inheritdoc/>
    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        while (!await keys.RefreshAsync(known, Patience, cancellationToken))
        {
            await Task.Delay(Interval, time, cancellationToken);
        }
        await base.StartAsync(cancellationToken);
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        var isBehind = false;
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            var wasBehind = isBehind;
            isBehind = !await keys.RefreshAsync(known, Patience, stoppingToken);
            if (isBehind && !wasBehind)
            {
                LogBehind(known.Current?.Epoch ?? -1);
            }
            else if (wasBehind && !isBehind)
            {
                LogCaughtUp(known.Current?.Epoch ?? -1);
            }
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The owner of the keys cannot be asked: callers are checked by the keys of epoch {Epoch}"
    )]
    private partial void LogBehind(long epoch);

    [LoggerMessage(
        LogLevel.Information,
        "The owner of the keys answers again: callers are checked by the keys of epoch {Epoch}"
    )]
    private partial void LogCaughtUp(long epoch);
}
