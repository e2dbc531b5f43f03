using Exapyte.Grains.Placement;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Asks nodes and keyspaces how nodes stand, and tells one that was removed to end.</summary>
internal sealed partial class NodeInquiry(
    IGrainFactory grains,
    NodeMap nodes,
    TimeProvider time,
    ControlPlaneOptions options,
    ILogger logger
)
{
    private const int CallsAtOnceMax = 16;
    private const int AttemptsMax = 6;

    /// <summary>How the registered nodes stand.</summary>
    public async Task<NodeReport[]> Reports(ControlPlaneState known, ClusterTopology topology)
    {
        var holding = Holdings(known, topology);
        var loads = await Task.WhenAll(topology.Nodes.Select(LoadOf));
        var held = await holding;
        return [.. topology.Nodes.Zip(loads, (node, load) => ReportOf(known, node, load, held))];
    }

    /// <summary>
    /// Until the process has ended or has been told so. Where that fails it ends with its next start, which is refused.
    /// </summary>
    /// <param name="node">The node.</param>
    /// <param name="isMeant">Whether no other node bears the id by now.</param>
    public async Task TellToLeave(string node, Func<bool> isMeant)
    {
        for (var attempt = 0; attempt < AttemptsMax && nodes.IsAlive(node) && isMeant(); attempt++)
        {
            try
            {
                await grains.GetGrain<INodeGrain>(NodeKey.Of(node)).Leave().AsTask().WaitAsync(options.ReportTimeout);
                return;
            }
            catch (Exception failure)
            {
                LogNotTold(logger, failure, node);
            }
            await Task.Delay(options.RetryMin * (1 << attempt), time);
        }
    }

    /// <summary>Has what is under way of rebalances go on.</summary>
    public async Task WakeRebalances()
    {
        try
        {
            await grains.GetGrain<IRebalanceGrain>(0).Resume().WaitAsync(options.ReportTimeout);
        }
        catch (Exception failure)
        {
            LogNotAsked(logger, failure, "Who has the rebalances");
        }
    }

    /// <summary>What every keyspace has on nodes; null where one of them could not be asked.</summary>
    public async Task<List<(string Keyspace, KeyspaceOnNode On)>?> Holdings(
        ControlPlaneState known,
        ClusterTopology topology
    )
    {
        List<(string, KeyspaceOnNode)> all = [];
        foreach (var some in known.Keyspaces.Chunk(CallsAtOnceMax))
        {
            var answers = await Task.WhenAll(some.Select(keyspace => HoldingOf(keyspace.Name, topology)));
            foreach (var (keyspace, answer) in some.Zip(answers))
            {
                if (answer is null)
                {
                    return null;
                }
                all.AddRange(answer.Select(on => (keyspace.Name, on)));
            }
        }
        return all;
    }

    private async Task<KeyspaceOnNode[]?> HoldingOf(string keyspace, ClusterTopology topology)
    {
        try
        {
            return await grains
                .GetGrain<IKeyspaceControlGrain>(keyspace)
                .OnNodes(topology)
                .WaitAsync(options.ReportTimeout);
        }
        catch (Exception failure)
        {
            LogNotAsked(logger, failure, keyspace);
            return null;
        }
    }

    private async Task<NodeLoad?> LoadOf(NodeInfo node)
    {
        if (!node.Alive)
        {
            return null;
        }
        try
        {
            return await grains
                .GetGrain<INodeGrain>(NodeKey.Of(node.Registration.Node))
                .Load()
                .AsTask()
                .WaitAsync(options.ReportTimeout);
        }
        catch (Exception failure)
        {
            LogNotAsked(logger, failure, node.Registration.Node);
            return null;
        }
    }

    private static NodeReport ReportOf(
        ControlPlaneState known,
        NodeInfo node,
        NodeLoad? load,
        List<(string Keyspace, KeyspaceOnNode On)>? held
    )
    {
        var id = node.Registration.Node;
        var own = held?.Where(one => one.On.Node == id).Select(one => one.On).ToArray();
        return new()
        {
            Info = node,
            Load = load,
            Replicas = own?.Sum(on => on.Replicas),
            Reasons = [.. own?.SelectMany(on => on.Reasons) ?? []],
            State = node.Draining
                ? own is { Length: 0 }
                    ? NodeState.Drained
                    : NodeState.Draining
                : !node.Alive
                    ? NodeState.Down
                    : known.ReplacementOf(id) is not null
                        ? NodeState.Joining
                        : load is null
                            ? NodeState.Suspect
                            : NodeState.Up,
        };
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "Node {Node} could not be told to end")]
    private static partial void LogNotTold(ILogger logger, Exception failure, string node);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Who} could not be asked how nodes stand")]
    private static partial void LogNotAsked(ILogger logger, Exception failure, string who);
}
