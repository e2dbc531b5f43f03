using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>How nodes stand, and how they go.</summary>
internal sealed partial class ControlPlaneGrain
{
    /// <inheritdoc/>
    public async Task<NodesReport> Nodes()
    {
        var known = await Known();
        var topology = TopologyOf(known);
        return new()
        {
            NodeEpoch = topology.NodeEpoch,
            Nodes =
            [
                .. await inquiry.Reports(known, topology),
                .. known
                    .Removed.Where(removed => IsEnding(known, removed))
                    .Select(removed => new NodeReport { Info = removed.Info, State = NodeState.Removed }),
            ],
        };
    }

    /// <inheritdoc/>
    public Task<NodeReply> DrainNode(string node) => SetDraining(node, draining: true);

    /// <inheritdoc/>
    public Task<NodeReply> ResumeNode(string node) => SetDraining(node, draining: false);

    /// <inheritdoc/>
    public async Task<NodeReply> RemoveNode(string node, bool force)
    {
        if (await Loaded() is { } unread)
        {
            return unread;
        }
        if (state.Value.NodeOf(node) is not { } known)
        {
            if (!Array.Exists(state.Value.Removed, removed => removed.Info.Registration.Node == node))
            {
                return Refused(NodeOutcome.NotFound, $"There is no node '{node}'.");
            }
            // A removal whose answer was lost is repeated.
            _ = inquiry.TellToLeave(node, () => !state.IsKnown || state.Value.NodeOf(node) is null);
            return Done();
        }
        var isAlive = nodes.IsAlive(node);
        if (isAlive && (force || !known.Draining))
        {
            return Refused(
                NodeOutcome.Conflict,
                $"Node '{node}' is alive. Drain it with POST /v1/nodes/{node}/drain, and remove it once it is drained."
            );
        }
        if (force && await GiveUp(node) is { } refusal)
        {
            return refusal;
        }
        return await StillHeld(node, isAlive) ?? await Remove(known);
    }

    /// <inheritdoc/>
    public Task<int> TakeMoves(string keyspace, int underWay, int wanted) =>
        Task.FromResult(moves.Take(keyspace, underWay, wanted));

    private async Task<NodeReply> SetDraining(string node, bool draining)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.NodeOf(node) is null)
            {
                return Refused(NodeOutcome.NotFound, $"There is no node '{node}'.");
            }
            var next = state.Value.WithDraining(node, draining);
            if (!ReferenceEquals(next, state.Value))
            {
                if (await Save(next) is { } unsaved)
                {
                    return Unavailable(unsaved);
                }
                LogDraining(logger, node, draining);
            }
        }
        // Keyspaces look at their nodes by themselves; woken they do so now.
        Resume();
        return Done();
    }

    /// <summary>What keeps a node from being removed because keyspaces still have replicas on it; null where none has.</summary>
    private async Task<NodeReply?> StillHeld(string node, bool isAlive)
    {
        if (await inquiry.Holdings(state.Value, TopologyOf(state.Value)) is not { } held)
        {
            return Refused(
                NodeOutcome.Unavailable,
                "Not every keyspace could be asked what it has on the node. Try again."
            );
        }
        var replicas = held.Where(one => one.On.Node == node).ToArray();
        if (replicas.Length == 0)
        {
            return null;
        }
        var advice = isAlive
            ? "Wait until GET /v1/nodes says that it is drained."
            : $"Drain it, so that others take its place; or, where it is gone for good, DELETE /v1/nodes/{node}?force.";
        return new()
        {
            Outcome = NodeOutcome.Conflict,
            Reasons =
            [
                .. replicas.Select(one =>
                    $"Node '{node}' has {one.On.Replicas} replicas of keyspace '{one.Keyspace}'."
                ),
                .. replicas.SelectMany(one => one.On.Reasons),
                advice,
            ],
        };
    }

    /// <summary>All keyspaces are asked before the first one gives anything up; null where all have.</summary>
    private async Task<NodeReply?> GiveUp(string node)
    {
        var keyspaces = Array.ConvertAll(state.Value.Keyspaces, keyspace => keyspace.Name);
        foreach (var dryRun in new[] { true, false })
        {
            List<KeyspaceReply> refusals = [];
            foreach (var some in keyspaces.Chunk(CallsAtOnceMax))
            {
                var replies = await Task.WhenAll(some.Select(keyspace => GiveUpIn(keyspace, node, dryRun)));
                refusals.AddRange(replies.Where(reply => reply.Outcome != KeyspaceOutcome.Ok));
            }
            if (refusals.Count > 0)
            {
                return new()
                {
                    Outcome = refusals.Exists(reply => reply.Outcome == KeyspaceOutcome.Conflict)
                        ? NodeOutcome.Conflict
                        : NodeOutcome.Unavailable,
                    Reasons = [.. refusals.SelectMany(reply => reply.Reasons)],
                    InDoubt = !dryRun,
                };
            }
        }
        return null;
    }

    private async Task<KeyspaceReply> GiveUpIn(string keyspace, string node, bool dryRun)
    {
        try
        {
            return await GrainFactory.GetGrain<IKeyspaceControlGrain>(keyspace).GiveUpNode(node, dryRun);
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            return new()
            {
                Outcome = KeyspaceOutcome.Unavailable,
                Reasons = [$"Keyspace '{keyspace}' could not be asked: {failure.Message}"],
            };
        }
    }

    private async Task<NodeReply> Remove(NodeInfo seen)
    {
        var node = seen.Registration.Node;
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.NodeOf(node) is { } known)
            {
                if (
                    known.Registration.StoreId != seen.Registration.StoreId
                    || known.Draining != seen.Draining
                    || (nodes.IsAlive(node) && !known.Draining)
                )
                {
                    return Refused(NodeOutcome.Conflict, $"Node '{node}' has come back, or was resumed, in between.");
                }
                if (await Save(state.Value.WithoutNode(node)) is { } unsaved)
                {
                    return Unavailable(unsaved);
                }
                LogRemoved(logger, node);
            }
        }
        _ = inquiry.TellToLeave(node, () => !state.IsKnown || state.Value.NodeOf(node) is null);
        return Done();
    }

    private bool IsEnding(ControlPlaneState known, RemovedNode removed)
    {
        var id = removed.Info.Registration.Node;
        return known.NodeOf(id) is null && nodes.IsAlive(id);
    }

    private async ValueTask<NodeReply?> Loaded()
    {
        using (await gate.Enter())
        {
            return await state.Load() is { } unread ? Unavailable(unread) : null;
        }
    }

    private static NodeReply Done() => new() { Outcome = NodeOutcome.Ok };

    private static NodeReply Refused(NodeOutcome outcome, string reason) =>
        new() { Outcome = outcome, Reasons = [reason] };

    private static NodeReply Unavailable(StateProblem problem) =>
        new()
        {
            Outcome = NodeOutcome.Unavailable,
            Reasons = [problem.Reason],
            InDoubt = problem.InDoubt,
        };

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} is to be drained: {Draining}")]
    private static partial void LogDraining(ILogger logger, string node, bool draining);

    [LoggerMessage(Level = LogLevel.Information, Message = "Node {Node} is removed from the cluster")]
    private static partial void LogRemoved(ILogger logger, string node);
}
