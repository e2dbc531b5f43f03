using System.Threading.Channels;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Reads pinned states in the background, one after another, no faster than so many bytes a second, so that a scrub never
/// takes the disk from those who wait for it. What is not begun within the queue's bound is not scrubbed this time.
/// Thread-safe.
/// </summary>
internal sealed class NodeScrubber(TimeProvider time, NodeMeter meter, long bytesPerSecondMax) : IAsyncDisposable
{
    /// <summary>Most states that wait.</summary>
    public const int WaitingMax = 64;

    private const long StepBytes = 1L << 20;

    private readonly Channel<Job> jobs = Channel.CreateBounded<Job>(WaitingMax);
    private readonly CancellationTokenSource stop = new();
    private Task working = Task.CompletedTask;

    private sealed record Job(ScrubPin Pin, Func<bool> IsWanted, Action<ScrubAnswer> Done);

    /// <summary>Begins.</summary>
    public void Start() => working = Task.Run(Work);

    /// <summary>Takes a pin to be read and disposed; false where too many wait, and then it is disposed at once.</summary>
    /// <param name="pin">The state.</param>
    /// <param name="isWanted">Whether somebody still wants the answer.</param>
    /// <param name="done">Told what was found, unless nobody wants to know or the node stops.</param>
    public bool TryAdd(ScrubPin pin, Func<bool> isWanted, Action<ScrubAnswer> done)
    {
        if (jobs.Writer.TryWrite(new(pin, isWanted, done)))
        {
            return true;
        }
        pin.Dispose();
        return false;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        jobs.Writer.TryComplete();
        await stop.CancelAsync();
        await working.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        while (jobs.Reader.TryRead(out var job))
        {
            job.Pin.Dispose();
        }
        stop.Dispose();
    }

    private async Task Work()
    {
        await foreach (var job in jobs.Reader.ReadAllAsync(stop.Token))
        {
            using var pin = job.Pin;
            try
            {
                if (await Read(job) is { } answer)
                {
                    job.Done(answer);
                }
            }
            catch (ObjectDisposedException)
            {
                // The node stops.
            }
        }
    }

    private async Task<ScrubAnswer?> Read(Job job)
    {
        var pin = job.Pin;
        var key = new ScrubKey(pin.Scrub.Id, pin.Index.Value);
        var digest = new StateDigest(pin.Rows, pin.Scrub.LiveAtMs);
        try
        {
            for (var more = true; more; )
            {
                if (!job.IsWanted())
                {
                    return null;
                }
                var began = time.GetTimestamp();
                more = digest.Read(StepBytes, out var bytes);
                meter.ScrubRead(bytes);
                var rest = TimeSpan.FromSeconds((double)bytes / bytesPerSecondMax) - time.GetElapsedTime(began);
                if (more && rest > TimeSpan.Zero)
                {
                    await Task.Delay(rest, time, stop.Token);
                }
            }
            return new(key, digest.Value, null);
        }
        catch (StoreFailedException failure)
        {
            return new(key, 0, failure.Message);
        }
    }
}
