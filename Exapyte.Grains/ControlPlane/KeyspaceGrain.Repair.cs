using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// The watching half: compares the map with the nodes that there are, makes
/// what is missing the intent, and takes note of what the groups have completed.
/// </summary>
internal sealed partial class KeyspaceGrain
{
    private readonly Absences absences;
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
        var alive = nodes.Alive;
        absences.Look(map.Shards.SelectMany(shard => shard.Replicas).Select(replica => replica.Node), alive);
        var confirmed = map.Shards.Any(shard => shard.IsChanging)
            ? ReplicaRepair.Confirmed(map, await StatusesOf(map))
            : map;
        PlacementNode[] perhaps = [.. alive.Select(node => new PlacementNode(node, ""))];
        var mayPlan = Plan(confirmed, perhaps).Count > 0;
        if (!mayPlan && ReferenceEquals(confirmed, map))
        {
            return;
        }
        KeyspaceMap next;
        using (await gate.Enter())
        {
            if (await state.Load() is not null || state.Value.Map?.Epoch != map.Epoch)
            {
                return;
            }
            next = mayPlan ? await Planned(confirmed) : confirmed;
            if (ReferenceEquals(next, map))
            {
                return;
            }
            next = ReplicaRepair.Spread(next);
            if (await Save(state.Value.WithChanged(next)) is not null)
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

    /// <summary>
    /// With replicas added where nodes are free. Decided behind the gate, so that a node whose old replicas are retired
    /// at a later node epoch is either seen as it is after that, or has what is decided here retired with the rest.
    /// </summary>
    private async Task<KeyspaceMap> Planned(KeyspaceMap map)
    {
        var topology = await ControlPlane.Topology();
        var repairs = Plan(
            map,
            [.. topology.Nodes.Where(node => node.Alive).Select(node => NewKeyspace.CandidateOf(node))]
        );
        if (repairs.Count == 0)
        {
            return map;
        }
        var added = repairs.Sum(repair => repair.Added.Length);
        var firstId = added > 0 ? await ControlPlane.IssueIds(added) : 0;
        return ReplicaRepair.With(map, repairs, firstId, topology.NodeEpoch);
    }

    private List<ShardRepair> Plan(KeyspaceMap map, IReadOnlyCollection<PlacementNode> alive) =>
        ReplicaRepair.Plan(map, alive, absences.LongerThan(options.ReplaceAfter), options.ChangingShardsMax);

    private async Task<List<ReplicaStatus>> StatusesOf(KeyspaceMap map)
    {
        var asked = map
            .Shards.Where(shard => shard.IsChanging)
            .SelectMany(shard => shard.Replicas)
            .Select(replica => replica.Node)
            .Distinct(StringComparer.Ordinal)
            .Where(nodes.IsAlive);
        var answers = await Task.WhenAll(asked.Select(node => StatusesOn(node, map.KeyspaceId)));
        return [.. answers.SelectMany(statuses => statuses)];
    }

    private async Task<ReplicaStatus[]> StatusesOn(string node, long keyspaceId)
    {
        try
        {
            return await GrainFactory
                .GetGrain<INodeGrain>(NodeKey.Of(node))
                .Replicas(keyspaceId)
                .AsTask()
                .WaitAsync(options.PushTimeout);
        }
        catch (Exception failure)
        {
            // Whatever a node throws, the others are not to wait for it: it is asked again.
            LogNotAsked(logger, failure, Name, node);
            return [];
        }
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

    [LoggerMessage(
        Level = LogLevel.Debug,
        Message = "Keyspace {Keyspace} could not ask node {Node} about its replicas"
    )]
    private static partial void LogNotAsked(ILogger logger, Exception failure, string keyspace, string node);
}
