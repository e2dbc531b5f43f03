using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Balance;

/// <summary>The acting half: from the stored plan to keyspaces that carry it out.</summary>
internal sealed partial class RebalanceGrain
{
    private async Task OnTimer(CancellationToken cancellationToken)
    {
        try
        {
            await Step();
        }
        finally
        {
            var isAtWork = seen.Count > 0 || (state.IsKnown && state.Value.Open is not null);
            var next = isAtWork ? options.ChangeWatchInterval : options.WatchInterval;
            timer?.Change(next, next);
        }
    }

    /// <summary>One look at all that is not over, and what follows.</summary>
    private async Task Step()
    {
        using (await gate.Enter())
        {
            // Another activation may have begun or cancelled something.
            if ((seen.Count > 0 ? await state.Reload() : await state.Load()) is not null)
            {
                return;
            }
        }
        Rebalance[] unfinished = [.. state.Value.All.Where(one => one.IsOpen || Unfinished(AsSeen(one).Plan).Any())];
        foreach (var over in seen.Keys.Except(unfinished.Select(one => one.Id)).ToArray())
        {
            seen.Remove(over);
        }
        if (unfinished.Length == 0)
        {
            await BalanceUnasked();
            return;
        }
        if (await survey.Topology() is { } topology)
        {
            absences.Look(
                topology.Nodes.Select(node => node.Registration.Node),
                [.. topology.Nodes.Where(node => node.Alive).Select(node => node.Registration.Node)]
            );
            foreach (var one in unfinished)
            {
                await Step(one, topology);
            }
        }
    }

    /// <summary>Begins a balance that is due; never while a shard changes, or is short of a replica for which there is a node.</summary>
    private async Task BalanceUnasked()
    {
        if (
            options.AutoBalance
            && await survey.Topology() is { } topology
            && trigger.IsDue(topology, state.Value.BalancedNodeEpoch)
            && await survey.Now() is { AwaitsRepair: false } view
            && view.Topology.NodeEpoch == topology.NodeEpoch
        )
        {
            await Begin(view, automatic: true);
        }
    }

    private async Task Step(Rebalance stored, ClusterTopology topology)
    {
        var known = AsSeen(stored);
        var wishes = known.Plan;
        var maps = await survey.AskAll(
            Unfinished(wishes).Select(move => move.Keyspace).Distinct(StringComparer.Ordinal),
            topology,
            keyspace => known.IsOpen ? WishesOf(wishes, keyspace) : new()
        );
        if (maps is null)
        {
            return;
        }
        var now = known with { Plan = PlanNow(known, maps, Placeable(topology)) };
        if (now.IsOpen && IsOver(now.Plan.Moves) && now.Plan.Leaders.Length == 0)
        {
            // Only now is it known which replicas there are to lead.
            if (await survey.Now() is not { } view)
            {
                seen[now.Id] = now;
                return;
            }
            var leaders = LeaderPlanner.Plan(view.Nodes, view.Shards);
            now = now with { Plan = now.Plan with { Leaders = leaders } };
        }
        seen[now.Id] = now;
        await Store(stored, now);
    }

    /// <summary>Stores what a later activation could not find out: that it runs, its leaders, its end.</summary>
    private async Task Store(Rebalance stored, Rebalance now)
    {
        var isOver = IsOver(now.Plan.Moves) && IsOver(now.Plan.Leaders);
        using (await gate.Enter())
        {
            if (await state.Load() is not null || state.Value.Find(now.Id)?.State != stored.State)
            {
                return;
            }
            var next = now.IsOpen
                ? now with
                {
                    State = isOver ? RebalanceState.Done : RebalanceState.Running,
                    EndedMs = isOver ? NowMs : 0,
                }
                : now;
            if (
                (isOver || next.State != stored.State || next.Plan.Leaders.Length != stored.Plan.Leaders.Length)
                && await Save(state.Value.WithChanged(next)) is null
                && next.State == RebalanceState.Done
            )
            {
                LogDone(logger, next.Id);
            }
        }
    }

    private RebalancePlan PlanNow(Rebalance known, Dictionary<string, KeyspaceBalance> maps, HashSet<string> nodes)
    {
        // What a keyspace was deciding when it was told may still be stored.
        var cancelled = !known.IsOpen && NowMs - known.EndedMs > 2 * options.StorageTimeout.TotalMilliseconds;
        return new()
        {
            Moves = Array.ConvertAll(
                known.Plan.Moves,
                move =>
                    maps.TryGetValue(move.Keyspace, out var now)
                        ? RebalanceProgress.Of(move, now.Map, nodes, cancelled)
                        : move
            ),
            Leaders = Array.ConvertAll(
                known.Plan.Leaders,
                move =>
                    maps.TryGetValue(move.Keyspace, out var now)
                        ? RebalanceProgress.OfLeader(move, now.Map, cancelled)
                        : move
            ),
        };
    }

    private HashSet<string> Placeable(ClusterTopology topology) =>
        topology
            .Nodes.Where(node => !node.Draining)
            .Select(node => node.Registration.Node)
            .Except(absences.LongerThan(options.ReplaceAfter), StringComparer.Ordinal)
            .ToHashSet(StringComparer.Ordinal);

    private static RebalancePlan WishesOf(RebalancePlan plan, string keyspace)
    {
        return new() { Moves = Of(plan.Moves), Leaders = Of(plan.Leaders) };

        ReplicaMove[] Of(ReplicaMove[] moves) =>
            [
                .. moves
                    .Where(move => move.Keyspace == keyspace && !RebalanceProgress.IsOver(move))
                    .Select(move => move with { State = MoveState.Pending }),
            ];
    }

    private static IEnumerable<ReplicaMove> Unfinished(RebalancePlan plan) =>
        plan.Moves.Concat(plan.Leaders).Where(move => !RebalanceProgress.IsOver(move));

    private static bool IsOver(ReplicaMove[] moves) => Array.TrueForAll(moves, RebalanceProgress.IsOver);

    [LoggerMessage(Level = LogLevel.Information, Message = "Rebalance {Id} is done")]
    private static partial void LogDone(ILogger logger, long id);
}
