using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Changes for one node. While a call is on its way the next ones gather, of each key the latest, and leave together. Bounded:
/// what comes beyond <see cref="WaitingBytesMax"/> is dropped and counted. Thread-safe.
/// </summary>
internal sealed class ChangeLane(INodeGrain to, TimeProvider time)
{
    private const int WaitingBytesMax = 2 << 20;
    private const int OverheadBytes = 64;
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMilliseconds(50);

    private readonly Lock gate = new();
    private readonly Dictionary<(long Keyspace, long Shard), Dictionary<ReadOnlyMemory<byte>, VersionStamp>> waiting =
    [];
    private int waitingBytes;
    private bool isSending;
    private long sent;
    private long lost;

    /// <summary>Keys sent.</summary>
    public long Sent => Volatile.Read(ref sent);

    /// <summary>Keys dropped or not delivered.</summary>
    public long Lost => Volatile.Read(ref lost);

    /// <summary>Has the node told.</summary>
    public void Send(ChangedKeys changed)
    {
        lock (gate)
        {
            var shard = (changed.KeyspaceId, changed.ShardId);
            if (!waiting.TryGetValue(shard, out var keys))
            {
                waiting[shard] = keys = new(KeyBytesComparer.Instance);
            }
            for (var i = 0; i < changed.Keys.Length; i++)
            {
                Add(keys, changed.Keys[i], changed.Versions[i]);
            }
            if (isSending)
            {
                return;
            }
            isSending = true;
        }
        ThreadPool.UnsafeQueueUserWorkItem(static lane => _ = lane.Run(), this, preferLocal: false);
    }

    private void Add(
        Dictionary<ReadOnlyMemory<byte>, VersionStamp> keys,
        ReadOnlyMemory<byte> key,
        VersionStamp version
    )
    {
        if (keys.TryGetValue(key, out var known))
        {
            keys[key] = known > version ? known : version;
        }
        else if (waitingBytes + key.Length + OverheadBytes > WaitingBytesMax)
        {
            Interlocked.Increment(ref lost);
        }
        else
        {
            keys[key] = version;
            waitingBytes += key.Length + OverheadBytes;
        }
    }

    private async Task Run()
    {
        while (Take(out var count) is { } changes)
        {
            try
            {
                await to.Invalidate(changes);
                Interlocked.Add(ref sent, count);
            }
            catch (Exception)
            {
                // The node is away. What it keeps it may keep for a while longer; a pause keeps the lane from spinning.
                Interlocked.Add(ref lost, count);
                await Task.Delay(PauseAfterFailure, time);
            }
        }
    }

    private ChangedKeys[]? Take(out int count)
    {
        lock (gate)
        {
            count = waiting.Values.Sum(keys => keys.Count);
            if (count == 0)
            {
                waiting.Clear();
                isSending = false;
                return null;
            }
            ChangedKeys[] taken =
            [
                .. waiting.Select(shard => new ChangedKeys
                {
                    KeyspaceId = shard.Key.Keyspace,
                    ShardId = shard.Key.Shard,
                    Keys = [.. shard.Value.Keys],
                    Versions = [.. shard.Value.Values],
                }),
            ];
            waiting.Clear();
            waitingBytes = 0;
            return taken;
        }
    }
}
