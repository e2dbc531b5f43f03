using System.Collections.Concurrent;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// A bounded queue with exactly one thread at work behind it: whoever posts while nobody works either works itself
/// (the caller's own turn, which saves a hop) or hands the work to the pool. Thread-safe.
/// </summary>
/// <typeparam name="T">What is posted.</typeparam>
internal sealed class ReplicaMailbox<T>(int inputsMax, Action<ConcurrentQueue<T>> work) : IThreadPoolWorkItem
{
    private readonly ConcurrentQueue<T> queue = new();
    private int atWork;

    /// <summary>Posts an input; false where the queue is full.</summary>
    /// <param name="input">The input.</param>
    /// <param name="inline">Work on the caller's thread if nobody is at work.</param>
    /// <param name="always">Ignore the bound: for what must not be lost, such as a completed log write.</param>
    public bool Post(T input, bool inline, bool always = false)
    {
        if (!always && queue.Count >= inputsMax)
        {
            return false;
        }
        queue.Enqueue(input);
        if (Interlocked.Exchange(ref atWork, 1) == 0)
        {
            if (inline)
            {
                Execute();
            }
            else
            {
                ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
            }
        }
        return true;
    }

    /// <summary>Works until the queue is empty.</summary>
    public void Execute()
    {
        do
        {
            work(queue);
            // A full fence, and not a mere store: else the look into the queue may come before it, and miss an input whose
            // poster still saw somebody at work. Nobody would ever work on that one.
            Interlocked.Exchange(ref atWork, 0);
        } while (!queue.IsEmpty && Interlocked.Exchange(ref atWork, 1) == 0);
    }
}
