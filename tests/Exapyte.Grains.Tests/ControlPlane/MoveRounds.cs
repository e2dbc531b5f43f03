using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Xunit;
using static Exapyte.Grains.Tests.ControlPlane.RepairMaps;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>Takes a map step by step to where its moves end, as the control plane does, and checks each step.</summary>
internal static class MoveRounds
{
    /// <summary>Most shards that change at one time.</summary>
    public const int ShardsMax = 3;

    private const int RoundsMax = 400;

    /// <summary>No node.</summary>
    public static readonly HashSet<string> Nobody = [];

    /// <summary>Goes on as the control plane does, each step checked, until nothing is left to do.</summary>
    public static KeyspaceMap RunToEnd(KeyspaceMap map, RepairView view, int rounds = RoundsMax)
    {
        var alive = view.Alive.Select(node => node.Node).ToHashSet();
        for (var round = 0; round < rounds; round++)
        {
            var known = view with { Statuses = Reports(map, alive) };
            var confirmed = Confirmed(map, known.Statuses, view.Lost);
            var next = Stepped(confirmed, known, firstId: 1_000 + (100 * round));
            next = ReplicaRepair.Spread(next, view.Draining);
            AssertStep(confirmed, next, view, alive);
            if (ReferenceEquals(confirmed, map) && next.Shards.SequenceEqual(map.Shards))
            {
                return map;
            }
            map = next with { Epoch = map.Epoch + 1 };
        }
        Assert.True(rounds < RoundsMax, "The moves do not end.");
        return map;
    }

    private static void AssertStep(KeyspaceMap before, KeyspaceMap after, RepairView view, HashSet<string> alive)
    {
        Assert.InRange(after.Shards.Count(shard => shard.IsChanging), 0, ShardsMax);
        foreach (var (old, now) in before.Shards.Zip(after.Shards))
        {
            Assert.Distinct(now.Hosted.Select(replica => replica.Node));
            var added = now
                .Replicas.Where(replica => old.Replicas.All(one => one.ReplicaId != replica.ReplicaId))
                .ToArray();
            var dropped = old
                .Replicas.Where(replica => now.Replicas.All(one => one.ReplicaId != replica.ReplicaId))
                .ToArray();
            Assert.All(
                added,
                replica => Assert.True(alive.Contains(replica.Node) && !view.Draining.Contains(replica.Node))
            );
            if (added.Length + dropped.Length == 0)
            {
                continue;
            }
            // One change at a time, but for what was lost while it joined.
            Assert.True(!old.IsChanging || dropped.All(replica => replica.Joining || view.Lost.Contains(replica.Node)));
            // Of those that have the data, and that quorums count, a majority is alive and stays.
            var staying = now.Replicas.Where(replica => !replica.Joining).ToArray();
            var size = before.IsLeaderless ? now.Counted : old.Replicas.Count(replica => !replica.Joining);
            var living = (before.IsLeaderless ? staying : old.Replicas).Count(replica => alive.Contains(replica.Node));
            Assert.True(
                dropped.Length == 0
                    || dropped.All(replica => replica.Joining)
                    || living >= KeyspaceRules.Majority(size),
                $"{living} of {size} are alive."
            );
        }
    }

    public static KeyspaceMap Stepped(KeyspaceMap map, RepairView view, long firstId) =>
        ReplicaRepair.With(map, ReplicaRepair.Plan(map, view), firstId, nodeEpoch: 7) with
        {
            Epoch = map.Epoch + 1,
        };

    public static KeyspaceMap Confirmed(
        KeyspaceMap map,
        IReadOnlyCollection<ReplicaStatus> statuses,
        IReadOnlySet<string> lost
    ) => ReplicaRepair.Confirmed(map, statuses, lost);

    public static RepairView ViewOf(string[] alive, string[] draining) =>
        new()
        {
            Alive = Array.ConvertAll(alive, node => new PlacementNode(node, "")),
            Lost = Nobody,
            Draining = draining.ToHashSet(),
            ShardsMax = ShardsMax,
        };
}
