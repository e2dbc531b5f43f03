using Exapyte.Grains.Hosting;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Security;

/// <summary>Whether and how this node keeps keys.</summary>
public sealed class NodeKeyOptions
{
    /// <summary>Whether callers are authenticated by keys here. Off: no key is asked for and none is kept up to date.</summary>
    public bool Enabled { get; set; }

    /// <summary>
    /// The root key, <c>root.secret</c>, that a person gave this node; null: one is made at the cluster's first start. A
    /// given one takes the place of an earlier one.
    /// </summary>
    public string? RootKey { get; set; }

    /// <summary>Time between two questions for newer keys: for how long a node that no push reached may be behind.</summary>
    public TimeSpan Interval { get; set; } = TimeSpan.FromMilliseconds(400);
}

/// <summary>
/// Brings the node's keys up to date: at start before anybody is served (unless some are on disk), and then by asking
/// again and again, since a push can be lost. Thread-safe.
/// </summary>
internal sealed partial class KeySync(
    IGrainFactory grains,
    NodeKeys keys,
    RootKey root,
    TimeProvider time,
    IOptions<NodeKeyOptions> options,
    ILogger<KeySync> logger
) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private const int Stage = NodeRegistrar.Stage + 10;

    private readonly CancellationTokenSource stopping = new();
    private Task asking = Task.CompletedTask;
    private bool isBehind;

    /// <inheritdoc/>
    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(KeySync), Stage, Start, Stop);

    /// <inheritdoc/>
    public void Dispose() => stopping.Dispose();

    private async Task Start(CancellationToken cancellationToken)
    {
        if (!options.Value.Enabled)
        {
            return;
        }
        while (!await TryOnce(withRoot: true) && keys.Epoch < 0)
        {
            await Task.Delay(options.Value.Interval, time, cancellationToken);
        }
        asking = Task.Run(() => Ask(stopping.Token), CancellationToken.None);
    }

    private async Task Stop(CancellationToken cancellationToken)
    {
        await stopping.CancelAsync();
        await asking.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Ask(CancellationToken cancellationToken)
    {
        using var timer = new PeriodicTimer(options.Value.Interval, time);
        while (await timer.WaitForNextTickAsync(cancellationToken))
        {
            await TryOnce(withRoot: !root.IsSettled);
        }
    }

    private async Task<bool> TryOnce(bool withRoot)
    {
        try
        {
            var grain = grains.GetGrain<IKeyRingGrain>(0);
            if (withRoot)
            {
                await root.Settle(grain);
            }
            if (await grain.Since(keys.Epoch).AsTask().WaitAsync(options.Value.Interval * 5, time) is { } newer)
            {
                keys.Take(newer);
            }
            if (isBehind)
            {
                LogCaughtUp(logger, keys.Epoch);
            }
            isBehind = false;
            return true;
        }
        catch (Exception failure)
        {
            // Right after a silo joined or died a call can fail in many ways, and each is worth another try.
            if (!isBehind)
            {
                LogBehind(logger, keys.Epoch, failure.Message);
            }
            isBehind = true;
            return false;
        }
    }

    [LoggerMessage(
        LogLevel.Warning,
        "The owner of the keys cannot be asked: callers are checked by the keys of epoch {Epoch}. {Reason}"
    )]
    private static partial void LogBehind(ILogger logger, long epoch, string reason);

    [LoggerMessage(
        LogLevel.Information,
        "The owner of the keys answers again: callers are checked by the keys of epoch {Epoch}"
    )]
    private static partial void LogCaughtUp(ILogger logger, long epoch);
}
