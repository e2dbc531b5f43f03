using Exapyte.Topology;

namespace Exapyte.Wire;

/// <summary>
/// Spreads replicas and leaders evenly over the nodes, on request and, where that is set, by itself after nodes have come or
/// gone. One rebalance at a time. One grain, key 0.
/// </summary>
[Alias("exapyte.rebalances")]
public interface IRebalanceGrain : IGrainWithIntegerKey
{
    /// <summary>What a rebalance would move now. Nothing is stored and nothing moves.</summary>
    [Alias("plan")]
    Task<RebalanceReply> Plan();

    /// <summary>
    /// Makes a plan, stores it and carries it out from now on. Ok with the rebalance, which is done where nothing is to move;
    /// Conflict with the one that is under way.
    /// </summary>
    [Alias("start")]
    Task<RebalanceReply> Start();

    /// <summary>The rebalances that are remembered, the latest first.</summary>
    [Alias("list")]
    Task<RebalanceReply> List();

    /// <summary>One rebalance, as far as it is.</summary>
    [Alias("get")]
    Task<RebalanceReply> Get(long id);

    /// <summary>
    /// Begins no further move of the rebalance; one that has begun is finished or undone. Repeating it is harmless; Conflict
    /// where it was done before.
    /// </summary>
    [Alias("cancel")]
    Task<RebalanceReply> Cancel(long id);

    /// <summary>Goes on with what is under way, wherever it was begun.</summary>
    [Alias("resume")]
    Task Resume();
}

/// <summary>How a call about rebalances ended.</summary>
public enum RebalanceOutcome : byte
{
    /// <summary>It is answered, or decided and stored.</summary>
    Ok = 0,

    /// <summary>There is no such rebalance (any more).</summary>
    NotFound = 1,

    /// <summary>Another is under way, or this one is done; nothing was changed.</summary>
    Conflict = 2,

    /// <summary>The control plane's database, or somebody who must be asked, was out of reach.</summary>
    Unavailable = 3,
}

/// <summary>The answer to a call about rebalances.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.rebalance-reply")]
public sealed class RebalanceReply
{
    /// <summary>How it ended.</summary>
    [Id(0)]
    public required RebalanceOutcome Outcome { get; init; }

    /// <summary>Every reason against it.</summary>
    [Id(1)]
    public string[] Reasons { get; init; } = [];

    /// <summary>Where it is Unavailable: whether it may have been carried out.</summary>
    [Id(2)]
    public bool InDoubt { get; init; }

    /// <summary>The rebalances that were asked for, or the one that is in the way.</summary>
    [Id(3)]
    public Rebalance[] Rebalances { get; init; } = [];

    /// <summary>The plan that was asked for.</summary>
    [Id(4)]
    public RebalancePlan? Plan { get; init; }
}
