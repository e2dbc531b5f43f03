using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Client.Tests.Scripted;

/// <summary>
/// Time that stands still until the test moves it, so that no deadline passes because the machine is slow; and how often
/// the clients that live in it went on after a try in vain.
/// </summary>
internal sealed class StoppedTime : IMeterFactory
{
    private readonly PausesNoted time = new();
    private readonly MeterListener listener;
    private int retries;

    public StoppedTime()
    {
        listener = new()
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Name == "exapyte.client.retries" && instrument.Meter.Scope == this)
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => Interlocked.Increment(ref retries));
        listener.Start();
    }

    public TimeProvider Provider => time;

    /// <summary>Milliseconds that have passed.</summary>
    public double PassedMs => (time.GetUtcNow() - time.Start).TotalMilliseconds;

    /// <summary>Every pause that was begun, in order, in milliseconds.</summary>
    public double[] PausesMs => [.. time.Pauses];

    /// <summary>Tries in vain whose end the client knows, so that it now pauses or goes on.</summary>
    public int Retries => Volatile.Read(ref retries);

    public void Advance(TimeSpan by) => time.Advance(by);

    /// <summary>Lets time pass, more than any operation has, until the task is over.</summary>
    public async Task PassAsync(Task task)
    {
        await Ops.UntilAsync(() =>
        {
            time.Advance(TimeSpan.FromHours(1));
            return task.IsCompleted;
        });
        await task;
    }

    public Meter Create(MeterOptions options)
    {
        options.Scope = this;
        return new(options);
    }

    public void Dispose() => listener.Dispose();

    /// <summary>A delay is a timer that is set once, when it is made; a deadline's timer is set later.</summary>
    private sealed class PausesNoted : FakeTimeProvider
    {
        public ConcurrentQueue<double> Pauses { get; } = new();

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            var timer = base.CreateTimer(callback, state, dueTime, period);
            if (dueTime > TimeSpan.Zero)
            {
                Pauses.Enqueue(dueTime.TotalMilliseconds);
            }
            return timer;
        }
    }
}

internal static class Pauses
{
    /// <summary>A pause is anything from nothing to this: nothing, in whole milliseconds, once in a billion times.</summary>
    private static readonly TimeSpan ForGood = TimeSpan.FromDays(10);

    /// <summary>After a try in vain nothing is tried any more until the operation's time is up.</summary>
    public static void PauseForGood(this ExapyteClientOptions options) =>
        options.RetryPauseMin = options.RetryPauseMax = ForGood;

    /// <summary>Tries follow each other at once, for where time stands still a pause has no end.</summary>
    public static void PauseNever(this ExapyteClientOptions options) =>
        options.RetryPauseMin = options.RetryPauseMax = TimeSpan.Zero;
}
