using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The messages to one node. Up to <see cref="InflightMax"/> batches are in flight; what comes meanwhile gathers for the
/// next one. The queue is bounded in bytes: beyond it new messages are dropped and counted. Thread-safe.
/// </summary>
internal sealed class PeerLane(INodeGrain node, string fromNode, TimeProvider time)
{
    private const int InflightMax = 4;
    private const long QueuedBytesMax = 64L << 20;
    private const int MessageOverheadBytes = 64;
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
            var bytes = message.Payload.Length + MessageOverheadBytes;
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
        while (TakeBatch() is { } batch)
        {
            try
            {
                await node.Deliver(batch);
            }
            catch (Exception)
            {
                // The node is away. Its messages are lost, as on any network; a pause keeps the lane from spinning.
                Interlocked.Add(ref lost, batch.Messages.Length);
                await Task.Delay(PauseAfterFailure, time);
            }
        }
    }

    private PeerBatch? TakeBatch()
    {
        lock (gate)
        {
            if (queue.Count == 0)
            {
                inFlight--;
                return null;
            }
            List<PeerMessage> batch = [];
            long bytes = 0;
            while (queue.TryPeek(out var next))
            {
                var size = next.Payload.Length + MessageOverheadBytes;
                if (batch.Count > 0 && bytes + size > Limits.WireBatchBytesMax)
                {
                    break;
                }
                queue.Dequeue();
                batch.Add(next);
                bytes += size;
                queuedBytes -= size;
            }
            messages += batch.Count;
            return new()
            {
                FromNode = fromNode,
                Sequence = ++sequence,
                Messages = [.. batch],
            };
        }
    }
}
