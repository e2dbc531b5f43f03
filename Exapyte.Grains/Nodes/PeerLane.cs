using System.Runtime.InteropServices;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The messages to one node. Up to <see cref="InflightMax"/> batches are in flight; what comes meanwhile gathers for the
/// next one. Each answer tells the other node's time. The queue is bounded in bytes: beyond it new messages are dropped and counted. Thread-safe.
/// </summary>
internal sealed class PeerLane(string toNode, INodeGrain node, string fromNode, TimeProvider time, PeerClocks clocks)
{
    private const int InflightMax = 4;
    private const long QueuedBytesMax = 64L << 20;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly Queue<PeerMessage> queue = new();
    private long queuedBytes;
    private int inFlight;
    private long sequence;
    private long lost;
    private long messages;

    /// <summary>Messages that were dropped or not delivered.</summary>
    public long Lost => Volatile.Read(ref lost);

    /// <summary>Batches sent.</summary>
    public long Batches => Volatile.Read(ref sequence);

    /// <summary>Messages sent.</summary>
    public long Messages => Volatile.Read(ref messages);

    /// <summary>Queues a message.</summary>
    public void Send(PeerMessage message)
    {
        lock (gate)
        {
            var bytes = PeerBatch.BytesOf(message);
            if (queuedBytes + bytes > QueuedBytesMax)
            {
                lost++;
                return;
            }
            queue.Enqueue(message);
            queuedBytes += bytes;
            if (inFlight >= InflightMax)
            {
                return;
            }
            inFlight++;
        }
        ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.Run(), this, preferLocal: true);
    }

    private async Task Run()
    {
        List<PeerMessage> taken = [];
        while (TakeBatch(taken) is { } batch)
        {
            try
            {
                var sentMs = clocks.SteadyMs;
                var reply = await node.Deliver(batch);
                clocks.Heard(toNode, sentMs, reply.ClockMs);
            }
            catch (Exception)
            {
                // The node is away. Its messages are lost, as on any network; a pause keeps the lane from spinning.
                Interlocked.Add(ref lost, taken.Count);
                await Task.Delay(PauseAfterFailure, time);
            }
        }
    }

    private PeerBatch? TakeBatch(List<PeerMessage> taken)
    {
        taken.Clear();
        long number;
        lock (gate)
        {
            if (queue.Count == 0)
            {
                inFlight--;
                return null;
            }
            long bytes = 0;
            while (queue.TryPeek(out var next))
            {
                var size = PeerBatch.BytesOf(next);
                if (taken.Count > 0 && bytes + size > Limits.WireBatchBytesMax)
                {
                    break;
                }
                taken.Add(queue.Dequeue());
                bytes += size;
                queuedBytes -= size;
            }
            messages += taken.Count;
            number = ++sequence;
        }
        return PeerBatch.Of(fromNode, number, CollectionsMarshal.AsSpan(taken));
    }
}
