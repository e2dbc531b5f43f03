using Exapyte.Grains.ControlPlane;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Balance;

/// <summary>What there is to be balanced.</summary>
/// <param name="Topology">The nodes.</param>
/// <param name="Nodes">Those that may take replicas.</param>
/// <param name="Shards">The shards of all keyspaces.</param>
/// <param name="AwaitsRepair">Whether some shard changes, or is short of a replica for which there is a node.</param>
internal sealed record BalanceView(
    ClusterTopology Topology,
    BalanceNode[] Nodes,
    BalanceShard[] Shards,
    bool AwaitsRepair
)
{
    /// <summary>What is to move.</summary>
    public RebalancePlan Plan() =>
        BalancePlanner.Plan(Nodes, Shards) is { Length: > 0 } moves
            ? new() { Moves = moves }
            : new() { Leaders = LeaderPlanner.Plan(Nodes, Shards) };
}

/// <summary>Asks keyspaces and nodes what there is to be balanced. It changes nothing.</summary>
internal sealed partial class BalanceSurvey(IGrainFactory grains, ControlPlaneOptions options, ILogger logger)
{
    private const int CallsAtOnceMax = 16;

    private IControlPlaneGrain ControlPlane => grains.GetGrain<IControlPlaneGrain>(0);

    /// <summary>What there is now; null where not everybody could be asked.</summary>
    public async Task<BalanceView?> Now()
    {
        if (await Try("The control plane", () => ControlPlane.Topology()) is not { } topology)
        {
            return null;
        }
        var asking = Task.WhenAll(topology.Nodes.Where(IsPlaceable).Select(SizesOf));
        if (
            await Try("The control plane", () => ControlPlane.Keyspaces()) is not { } names
            || await AskAll(names, topology, _ => null) is not { } keyspaces
        )
        {
            return null;
        }
        var sizes = await asking;
        if (Array.Exists(sizes, one => one.Sizes is null))
        {
            // Without it others would be evened out as if it were not there.
            return null;
        }
        var bytes = sizes
            .SelectMany(one => one.Sizes!.Shards)
            .GroupBy(size => (size.KeyspaceId, size.ShardId))
            .ToDictionary(group => group.Key, group => group.Max(size => size.Bytes));
        return new(
            topology,
            [.. sizes.Select(one => NodeOf(one.Info, one.Sizes!.FreeBytes))],
            [.. keyspaces.Values.SelectMany(keyspace => ShardsOf(keyspace, bytes))],
            keyspaces.Values.Any(keyspace => keyspace.AwaitsRepair)
        );
    }

    /// <summary>The nodes; null where they could not be read.</summary>
    public Task<ClusterTopology?> Topology() => Try("The control plane", () => ControlPlane.Topology());

    /// <summary>An id that was never issued before; 0 where none could be had.</summary>
    public async Task<long> IssueId()
    {
        try
        {
            return await ControlPlane.IssueIds(1);
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            LogNotAsked(logger, failure, "The control plane");
            return 0;
        }
    }

    /// <summary>Asks keyspaces, and tells each what is wished of it; null where one could not be asked.</summary>
    public async Task<Dictionary<string, KeyspaceBalance>?> AskAll(
        IEnumerable<string> keyspaces,
        ClusterTopology topology,
        Func<string, RebalancePlan?> wishesOf
    )
    {
        Dictionary<string, KeyspaceBalance> answers = new(StringComparer.Ordinal);
        var isComplete = true;
        foreach (var some in keyspaces.Chunk(CallsAtOnceMax))
        {
            var balances = await Task.WhenAll(
                some.Select(keyspace =>
                    Try(
                        keyspace,
                        () => grains.GetGrain<IKeyspaceControlGrain>(keyspace).Balance(topology, wishesOf(keyspace))
                    )
                )
            );
            foreach (var (keyspace, balance) in some.Zip(balances))
            {
                isComplete &= balance is not null;
                if (balance is not null)
                {
                    answers[keyspace] = balance;
                }
            }
        }
        return isComplete ? answers : null;
    }

    private static bool IsPlaceable(NodeInfo node) => node is { Alive: true, Draining: false };

    private static BalanceNode NodeOf(NodeInfo info, long freeBytes)
    {
        var placement = NewKeyspace.CandidateOf(info);
        return new(placement.Node, placement.Zone, info.Weight, freeBytes);
    }

    private static IEnumerable<BalanceShard> ShardsOf(
        KeyspaceBalance keyspace,
        Dictionary<(long Keyspace, long Shard), long> bytes
    ) =>
        keyspace.Map is not { } map
            ? []
            : map.Shards.Zip(
                keyspace.MayMove,
                (shard, mayMove) =>
                    new BalanceShard(
                        map.Name,
                        shard.ShardId,
                        Array.ConvertAll(shard.Replicas, replica => replica.Node),
                        bytes.GetValueOrDefault((map.KeyspaceId, shard.ShardId)),
                        mayMove,
                        IsLed: !map.IsLeaderless
                    )
            );

    private async Task<(NodeInfo Info, NodeSizes? Sizes)> SizesOf(NodeInfo node)
    {
        var id = node.Registration.Node;
        return (node, await Try(id, () => grains.GetGrain<INodeGrain>(NodeKey.Of(id)).Sizes().AsTask()));
    }

    private async Task<T?> Try<T>(string who, Func<Task<T>> call)
        where T : class?
    {
        try
        {
            return await call().WaitAsync(options.ReportTimeout);
        }
        catch (Exception failure)
        {
            LogNotAsked(logger, failure, who);
            return null;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Who} could not be asked for a balance of the cluster")]
    private static partial void LogNotAsked(ILogger logger, Exception failure, string who);
}
