using Exapyte.Keyspaces;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;
using static Exapyte.Grains.ControlPlane.KeyspaceReplies;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// The watching half: compares the map with the nodes that there are, makes
/// what is missing the intent, and takes note of what the groups have completed.
/// </summary>
internal sealed partial class KeyspaceGrain
{
    private readonly ReplicaLook look;
    private IGrainTimer? watch;

    /// <inheritdoc/>
    public async Task<KeyspaceReply> RetireReplica(long keyspaceId, long replicaId)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.Map is not { } map || map.KeyspaceId != keyspaceId)
            {
                return Reply(KeyspaceOutcome.Ok, []);
            }
            if (!ReplicaRepair.IsFor(map) || !ReplicaRepair.CanSpare(map, replicaId))
            {
                LogNotSpared(logger, Name, replicaId);
                return Reply(KeyspaceOutcome.Conflict, [$"The group of replica {replicaId} cannot spare it."]);
            }
            var next = state.Value.WithoutReplica(replicaId);
            if (!ReferenceEquals(next, state.Value) && await Save(next) is { } unsaved)
            {
                return Unavailable(unsaved);
            }
        }
        ContinueLater();
        return Reply(KeyspaceOutcome.Ok, []);
    }

    /// <summary>Watches as long as there is something to watch, beginning now.</summary>
    private void Watch()
    {
        if (!state.IsKnown)
        {
            return;
        }
        if (state.Value.Map is not { } map || !ReplicaRepair.IsFor(map))
        {
            watch?.Dispose();
            watch = null;
            return;
        }
        var period = map.Shards.Any(shard => shard.IsChanging) ? options.ChangeWatchInterval : options.WatchInterval;
        if (watch is null)
        {
            watch = this.RegisterGrainTimer(
                OnWatch,
                new GrainTimerCreationOptions(TimeSpan.Zero, period) { Interleave = true, KeepAlive = true }
            );
        }
        else
        {
            watch.Change(TimeSpan.Zero, period);
        }
    }

    private async Task OnWatch(CancellationToken cancellationToken)
    {
        try
        {
            if (await Load() is null && state.Value.Map is { } map && ReplicaRepair.IsFor(map))
            {
                await Repair(map);
            }
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            LogNotRepaired(logger, failure, Name);
        }
    }

    private async Task Repair(KeyspaceMap map)
    {
        var view = await look.Now(map, state.Value.MissingMax);
        var confirmed = ReplicaRepair.Confirmed(map, view.Statuses, view.Lost);
        var planned = ReplicaRepair.Plan(confirmed, view, out var moves);
        view = view with { MovesMax = await look.MovesGranted(confirmed, moves) };
        var mayPlan = planned.Count > moves || (moves > 0 && view.MovesMax > 0);
        var handsOver =
            !map.IsLeaderless
            && Array.Exists(confirmed.Shards, shard => ReplicaRepair.IsToBeHandedOver(shard, view.Draining));
        if (
            !mayPlan
            && !handsOver
            && ReferenceEquals(WishedMoves.WithLeaders(confirmed, view.Wishes), confirmed)
            && ReferenceEquals(confirmed, map)
        )
        {
            await ShardSplits.SplitLarge(map, view, look, Split);
            return;
        }
        KeyspaceMap next;
        using (await gate.Enter())
        {
            if (await state.Load() is not null || state.Value.Map?.Epoch != map.Epoch)
            {
                return;
            }
            // Behind the gate, so that a node whose old replicas are retired at a later node epoch is either seen as it is after
            // that, or has what is decided here retired with the rest.
            next = mayPlan ? await look.Planned(confirmed, view) : confirmed;
            next = WishedMoves.WithLeaders(ReplicaRepair.Spread(next, view.Draining, view.Alive), view.Wishes);
            if (ReferenceEquals(next, map) || await Save(state.Value.WithChanged(next)) is not null)
            {
                return;
            }
            next = state.Value.Map!;
        }
        var changing = next.Shards.Count(shard => shard.IsChanging);
        LogRepairing(logger, Name, next.Epoch, changing);
        await Advance(next);
        ContinueLater();
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Keyspace {Keyspace} at epoch {Epoch}: the replicas of {Shards} shards are changing"
    )]
    private static partial void LogRepairing(ILogger logger, string keyspace, long epoch, int shards);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "Replica {ReplicaId} of keyspace {Keyspace} cannot be read, and its group cannot spare it"
    )]
    private static partial void LogNotSpared(ILogger logger, string keyspace, long replicaId);

    [LoggerMessage(Level = LogLevel.Debug, Message = "The replicas of keyspace {Keyspace} could not be looked after")]
    private static partial void LogNotRepaired(ILogger logger, Exception failure, string keyspace);
}
