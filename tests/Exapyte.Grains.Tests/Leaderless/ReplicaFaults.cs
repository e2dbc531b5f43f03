using System.Collections.Concurrent;
using Exapyte.Wire;
using Orleans.Runtime;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Calls of replicas and nodes that are held up or fail where they arrive, as the test says. Thread-safe.</summary>
internal sealed class ReplicaFaults
{
    private readonly ConcurrentDictionary<(string Node, string Method), Func<Task>> before = new();
    private readonly ConcurrentQueue<TaskCompletionSource> held = new();

    /// <summary>Calls of this name fail at the node.</summary>
    public void Refuse(string node, string method) =>
        before[(node, method)] = () => throw new InvalidOperationException($"{method} fails at {node} in this test.");

    /// <summary>Calls of this name wait at the node until the returned source is completed.</summary>
    public TaskCompletionSource Hold(string node, string method)
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        held.Enqueue(gate);
        before[(node, method)] = () => gate.Task;
        return gate;
    }

    /// <summary>
    /// All is well again, and what is held goes on: a test that failed half-way must not leave calls behind for the next.
    /// </summary>
    public void Clear()
    {
        before.Clear();
        while (held.TryDequeue(out var gate))
        {
            gate.TrySetResult();
        }
    }

    public Task Meet(string node, string method) =>
        before.TryGetValue((node, method), out var what) ? what() : Task.CompletedTask;
}

/// <summary>Brings the faults about in a silo.</summary>
internal sealed class ReplicaFaultFilter(ReplicaFaults faults, ILocalSiloDetails silo) : IIncomingGrainCallFilter
{
    public async Task Invoke(IIncomingGrainCallContext context)
    {
        if (context.Grain is IShardGrain or INodeGrain)
        {
            await faults.Meet(silo.Name, context.MethodName);
        }
        await context.Invoke();
    }
}
