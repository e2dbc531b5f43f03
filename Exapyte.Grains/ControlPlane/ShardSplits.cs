using Exapyte.Keyspaces;
using Exapyte.Wire;

namespace Exapyte.Grains.ControlPlane;

/// <summary>How a keyspace's grain comes to split a shard: on request, and where one has become too large.</summary>
internal static class ShardSplits
{
    /// <summary>Shards that one look may split: the next look sees what that has made.</summary>
    private const int AtOnceMax = 4;

    /// <summary>Decides a split and stores it; the answer has the map where it is to be acted on. Behind the keyspace's gate.</summary>
    /// <param name="state">The keyspace's state.</param>
    /// <param name="key">The first key of the new shard.</param>
    /// <param name="controlPlane">Issues ids.</param>
    /// <param name="save">Stores the state.</param>
    public static async Task<SplitReply> Decide(
        DurableState<KeyspaceState> state,
        byte[] key,
        IControlPlaneGrain controlPlane,
        Func<KeyspaceState, ValueTask<StateProblem?>> save
    )
    {
        if (await state.Load() is { } unread)
        {
            return new() { Outcome = SplitOutcome.Unavailable, Reason = unread.Reason };
        }
        if (state.Value.Map is not { } map)
        {
            return new() { Outcome = SplitOutcome.NotFound };
        }
        if (ShardSplitPlan.WhyNot(map, key) is { } refused)
        {
            return refused;
        }
        KeyspaceMap next;
        try
        {
            var firstId = await controlPlane.IssueIds(ShardSplitPlan.IdsFor(map, key));
            next = ShardSplitPlan.With(map, key, firstId);
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            return new() { Outcome = SplitOutcome.Unavailable, Reason = failure.Message };
        }
        return await save(state.Value.WithChanged(next)) is { } unsaved
            ? new()
            {
                Outcome = SplitOutcome.Unavailable,
                Reason = unsaved.Reason,
                InDoubt = unsaved.InDoubt,
            }
            : new() { Outcome = SplitOutcome.Accepted, Map = state.Value.Map };
    }

    /// <summary>Splits what has become too large, the largest first.</summary>
    /// <param name="map">The map.</param>
    /// <param name="view">What replicas report.</param>
    /// <param name="look">Asks leaders for the key in the middle.</param>
    /// <param name="split">Splits at a key.</param>
    public static async Task SplitLarge(
        KeyspaceMap map,
        RepairView view,
        ReplicaLook look,
        Func<byte[], Task<SplitReply>> split
    )
    {
        foreach (var shardId in map.IsLeaderless ? [] : SplitPlanner.Wanted(map, view.Statuses).Take(AtOnceMax))
        {
            if (await look.MiddleKeyOf(map, shardId, view.Statuses) is { } key)
            {
                await split(key);
            }
        }
    }
}
