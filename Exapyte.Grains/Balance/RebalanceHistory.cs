using Exapyte.Topology;

namespace Exapyte.Grains.Balance;

/// <summary>What is remembered of rebalances. Immutable: a change makes another, which counts once it is stored.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.rebalance-history")]
public sealed record RebalanceHistory
{
    /// <summary>Most rebalances that are remembered; of more the first are forgotten.</summary>
    public const int Max = 8;

    /// <summary>The rebalances, the latest last. Moves of one that is under way stand as they were planned.</summary>
    [Id(0)]
    public Rebalance[] All { get; init; } = [];

    /// <summary>The node epoch of the latest plan that was made without being asked for.</summary>
    [Id(1)]
    public long BalancedNodeEpoch { get; init; }

    /// <summary>The one that is under way; null where none is.</summary>
    public Rebalance? Open => Array.Find(All, one => one.IsOpen);

    /// <summary>The rebalance; null where it is not known.</summary>
    public Rebalance? Find(long id) => Array.Find(All, one => one.Id == id);

    /// <summary>With one more.</summary>
    public RebalanceHistory With(Rebalance added) => this with { All = [.. All.TakeLast(Max - 1), added] };

    /// <summary>With one as it is now.</summary>
    public RebalanceHistory WithChanged(Rebalance changed) =>
        this with
        {
            All = Array.ConvertAll(All, one => one.Id == changed.Id ? changed : one),
        };
}
