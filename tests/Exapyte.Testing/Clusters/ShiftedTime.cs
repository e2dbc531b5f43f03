namespace Exapyte.Testing.Clusters;

/// <summary>A wall clock that differs from another one by as much as a test says; timers and the monotonic clock do not.</summary>
public sealed class ShiftedTime(TimeProvider inner) : TimeProvider
{
    long _shiftTicks;

    /// <summary>How far it is ahead; below zero: behind.</summary>
    public TimeSpan Shift
    {
        get => new(Volatile.Read(ref _shiftTicks));
        set => Volatile.Write(ref _shiftTicks, value.Ticks);
    }

    /// <inheritdoc/>
    public override long TimestampFrequency => inner.TimestampFrequency;

    /// <inheritdoc/>
    public override TimeZoneInfo LocalTimeZone => inner.LocalTimeZone;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => inner.GetUtcNow() + Shift;

    /// <inheritdoc/>
    public override long GetTimestamp() => inner.GetTimestamp();

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        inner.CreateTimer(callback, state, dueTime, period);
}
