using System.Collections.Concurrent;
using System.Threading.Tasks.Sources;
using Exapyte.Operations;

namespace Exapyte.Client.Lanes;

/// <summary>
/// One caller that waits for one replica: an operation, or a group that must travel together. Completed exactly once, by
/// the flight that carried it, the sweep of deadlines or the caller's token, whichever comes first.
/// </summary>
/// <remarks>
/// Pooled. Only an item that its flight (or a refusal) completed goes back: after a deadline or a cancellation the queue
/// or the flight still refers to it, and it is left to the collector. Continuations run on the pool and not inside the
/// lane, where a slow caller would hold up all the others of its batch.
/// </remarks>
internal sealed class PendingOperation : IValueTaskSource<Attempt>
{
    private const int PooledMax = 8_192;

    /// <summary>What an operation costs on the wire beside its key and value, roughly.</summary>
    private const int OperationOverheadBytes = 64;

    private static readonly ConcurrentQueue<PendingOperation> Pool = new();
    private static int pooled;

    private ManualResetValueTaskSourceCore<Attempt> core = new() { RunContinuationsAsynchronously = true };
    private CancellationTokenRegistration registration;
    private Operation? single;
    private Operation[]? group;
    private int completed;
    private bool reusable;

    private PendingOperation() { }

    /// <summary>Number of operations.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes on the wire, roughly.</summary>
    public int Bytes { get; private set; }

    /// <summary>All or nothing: it travels alone.</summary>
    public bool Atomic { get; private set; }

    /// <summary>It changes something, so it waits for disks; reads do not travel with it.</summary>
    public bool IsWrite { get; private set; }

    /// <summary>The level of its operations; null where a group has several.</summary>
    public ConsistencyLevel? Level { get; private set; }

    /// <summary>How long it waits. Changed under the lane's lock only, while it is queued or in a flight.</summary>
    public AttemptDeadlines AttemptDeadlines { get; set; }

    public bool IsCompleted => Volatile.Read(ref completed) != 0;

    public static PendingOperation Rent(Operation operation, AttemptDeadlines patience)
    {
        var item = Rent(patience);
        item.single = operation;
        item.Count = 1;
        item.Bytes = BytesOf(operation);
        item.IsWrite = operation.IsWrite;
        item.Level = operation.Level;
        return item;
    }

    public static PendingOperation Rent(Operation[] group, bool atomic, AttemptDeadlines patience)
    {
        var item = Rent(patience);
        item.group = group;
        item.Count = group.Length;
        item.Atomic = atomic;
        item.Level = Array.TrueForAll(group, one => one.Level == group[0].Level) ? group[0].Level : null;
        foreach (var operation in group)
        {
            item.Bytes += BytesOf(operation);
            item.IsWrite |= operation.IsWrite;
        }
        return item;
    }

    public static int BytesOf(Operation operation) =>
        operation.Key.Length + operation.Value.Length + OperationOverheadBytes;

    public void CopyTo(Span<Operation> target)
    {
        if (single is not null)
        {
            target[0] = single;
        }
        else
        {
            group.CopyTo(target);
        }
    }

    /// <summary>The caller's wait; to be called once, before the item is queued.</summary>
    public ValueTask<Attempt> WaitAsync(CancellationToken cancellationToken)
    {
        var wait = new ValueTask<Attempt>(this, core.Version);
        if (cancellationToken.CanBeCanceled)
        {
            registration = cancellationToken.UnsafeRegister(
                static (state, token) => ((PendingOperation)state!).Cancel(token),
                this
            );
        }
        return wait;
    }

    /// <summary>Completes it for good by whoever holds the only reference left beside the caller's.</summary>
    public void CompleteLast(Attempt attempt)
    {
        if (Interlocked.CompareExchange(ref completed, 1, 0) == 0)
        {
            reusable = true;
            core.SetResult(attempt);
        }
    }

    /// <summary>Completes it while the queue or a flight still refers to it.</summary>
    public void CompleteEarly(AttemptKind kind)
    {
        if (Interlocked.CompareExchange(ref completed, 1, 0) == 0)
        {
            core.SetResult(Attempt.Without(kind));
        }
    }

    Attempt IValueTaskSource<Attempt>.GetResult(short token)
    {
        // Waits for a callback that runs right now, so that it cannot cancel the item's next user.
        registration.Dispose();
        var attempt = core.GetResult(token);
        if (reusable)
        {
            Return();
        }
        return attempt;
    }

    ValueTaskSourceStatus IValueTaskSource<Attempt>.GetStatus(short token) => core.GetStatus(token);

    void IValueTaskSource<Attempt>.OnCompleted(
        Action<object?> continuation,
        object? state,
        short token,
        ValueTaskSourceOnCompletedFlags flags
    ) => core.OnCompleted(continuation, state, token, flags);

    private static PendingOperation Rent(AttemptDeadlines patience)
    {
        if (Pool.TryDequeue(out var item))
        {
            Interlocked.Decrement(ref pooled);
        }
        else
        {
            item = new PendingOperation();
        }
        item.AttemptDeadlines = patience;
        return item;
    }

    private void Cancel(CancellationToken token)
    {
        if (Interlocked.CompareExchange(ref completed, 1, 0) == 0)
        {
            core.SetException(new OperationCanceledException(token));
        }
    }

    private void Return()
    {
        if (Volatile.Read(ref pooled) >= PooledMax)
        {
            return;
        }
        core.Reset();
        registration = default;
        single = null;
        group = null;
        Bytes = 0;
        Atomic = false;
        reusable = false;
        IsWrite = false;
        completed = 0;
        Interlocked.Increment(ref pooled);
        Pool.Enqueue(this);
    }
}
