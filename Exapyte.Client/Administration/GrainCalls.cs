using Exapyte.Client.Lanes;

namespace Exapyte.Client.Administration;

/// <summary>How a call to the control plane ended.</summary>
internal readonly record struct GrainCall<T>(AttemptKind Kind, T? Value, Exception? Exception)
    where T : class?;

/// <summary>Calls to grains that are no replicas: with a deadline, their exceptions as values.</summary>
internal sealed class GrainCalls(ExapyteClientOptions options, MonotonicClock clock, CallFailures failures)
{
    /// <summary>Calls with the operation's whole time.</summary>
    public Task<GrainCall<T>> TryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
        where T : class? => TryAsync(call, options.OperationTimeout, cancellationToken);

    /// <summary>Calls with the given time. Only a cancelled token throws.</summary>
    public async Task<GrainCall<T>> TryAsync<T>(
        Func<Task<T>> call,
        TimeSpan patience,
        CancellationToken cancellationToken
    )
        where T : class?
    {
        cancellationToken.ThrowIfCancellationRequested();
        try
        {
            return new(AttemptKind.Answered, await call().WaitAsync(patience, clock.Time, cancellationToken), null);
        }
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
        {
            var kind = exception is TimeoutException ? AttemptKind.TimedOut : failures.Classify(exception);
            return new(kind, null, exception);
        }
    }
}
