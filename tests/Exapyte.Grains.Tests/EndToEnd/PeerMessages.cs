using System.Collections.Concurrent;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>
/// Stands on the way of what nodes tell each other, as a network does: it delivers again and out of order, or holds back.
/// Every message is one that a node has really sent. One for all nodes of a cluster; thread-safe.
/// </summary>
internal sealed class PeerMessages : IIncomingGrainCallFilter
{
    private const int KeptMax = 2_000;

    private readonly ConcurrentQueue<Func<IGrainFactory, Task>> kept = new();
    private readonly ConcurrentDictionary<string, TaskCompletionSource> overtaken = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, TaskCompletionSource> held = new(StringComparer.Ordinal);
    private long reordered;
    private long number;

    /// <summary>Messages that were handed over after one that came later.</summary>
    public long Reordered => Interlocked.Read(ref reordered);

    /// <summary>Whether every third message waits until another one to its node has overtaken it.</summary>
    public bool Reorders { get; set; }

    /// <summary>What was sent, the oldest left out; each call sends it once more.</summary>
    public IReadOnlyList<Func<IGrainFactory, Task>> Kept => [.. kept];

    /// <summary>From now on nothing is handed to this node until the source is completed; its callers wait.</summary>
    public TaskCompletionSource Hold(string node) =>
        held[node] = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <inheritdoc/>
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        var key = context.TargetId.Key.ToString()!;
        if (MessageOf(context, key) is { } message)
        {
            kept.Enqueue(message);
            if (kept.Count > KeptMax)
            {
                kept.TryDequeue(out _);
            }
            await Delay(NodeKey.NodeIn(key).ToString());
        }
        await context.Invoke();
    }

    private static Func<IGrainFactory, Task>? MessageOf(IIncomingGrainCallContext context, string key) =>
        context.Request.GetArgumentCount() == 0
            ? null
            : context.Request.GetArgument(0) switch
            {
                PeerBatch batch => grains => grains.GetGrain<INodeGrain>(key).Deliver(batch).AsTask(),
                ReplicateRequest writes => grains => grains.GetGrain<IShardGrain>(key).Replicate(writes).AsTask(),
                _ => null,
            };

    private async Task Delay(string node)
    {
        if (held.TryGetValue(node, out var hold))
        {
            await hold.Task;
        }
        if (!Reorders)
        {
            return;
        }
        if (Interlocked.Increment(ref number) % 3 != 0)
        {
            overtaken.GetValueOrDefault(node)?.TrySetResult();
            return;
        }
        var later = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        overtaken[node] = later;
        // Where nothing more is sent it goes on all the same.
        if (await Task.WhenAny(later.Task, Task.Delay(TimeSpan.FromMilliseconds(100))) == later.Task)
        {
            Interlocked.Increment(ref reordered);
        }
    }
}
