using CsCheck;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Tests.Keyspaces;

public sealed class QuorumHistoryTests
{
    [Theory]
    [InlineData("1/3", "2/3", "")]
    [InlineData("1/3", "2/2", "could miss")]
    [InlineData("1/3 2/3", "2/2", "could miss")]
    [InlineData("1/3 3/3", "3/1", "could miss")]
    [InlineData("2/2", "3/1", "could miss")]
    [InlineData("2/2", "3/2", "")]
    [InlineData("2/2", "2/3", "")]
    [InlineData("2/2", "1/3", "First raise readQuorum")]
    [InlineData("2/2 2/3", "1/3", "")]
    [InlineData("2/2 2/3 1/3", "2/2", "could miss")]
    [InlineData("3/1", "3/2", "")]
    [InlineData("3/1", "2/2", "First raise readQuorum")]
    [InlineData("3/1 3/2", "2/2", "")]
    [InlineData("2/2", "2/2", "")]
    public void A_change_is_taken_only_where_every_read_still_meets_what_was_acknowledged(
        string before,
        string wanted,
        string reason
    )
    {
        var history = before.Split(' ');
        var state = new KeyspaceState { Map = MapOf(Settings(history[0]), counted: 3), LastEpoch = 1 };
        foreach (var settings in history.Skip(1).Select(Settings))
        {
            state = state.WithChanged(state.Map! with { Settings = settings });
        }

        var reasons = QuorumHistory.ReasonsAgainst(state.Map!, Settings(wanted), state.MissingMax);

        if (reason.Length == 0)
        {
            Assert.Empty(reasons);
        }
        else
        {
            Assert.Contains(reason, Assert.Single(reasons), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Other_settings_may_change_whatever_the_quorums_were() =>
        Assert.Empty(
            QuorumHistory.ReasonsAgainst(
                MapOf(Settings("1/3"), counted: 3),
                Settings("1/3") with
                {
                    DefaultTtlSeconds = 5,
                    Replicas = 5,
                },
                missingMax: 2
            )
        );

    [Fact]
    public void A_document_without_a_history_is_taken_as_if_it_had_always_been_what_it_is() =>
        Assert.Equal(2, new KeyspaceState { Map = MapOf(Settings("1/3"), counted: 3) }.MissingMax);

    /// <summary>
    /// Writes that just their quorum holds, under any sequence of changes that is taken, each made by nodes that use the map
    /// of now or the one before: whatever R replicas a read asks, one of them holds the write.
    /// </summary>
    [Fact]
    public void No_sequence_of_changes_hides_an_acknowledged_write() =>
        (
            from counted in Gen.Int[1, 5]
            from steps in Gen.Select(Gen.Int[1, 5], Gen.Int[1, 5], Gen.Int[0, 2]).Array[1, 12]
            from seed in Gen.Int[0, int.MaxValue]
            select (counted, steps, seed)
        ).Sample(
            one =>
            {
                var random = new Random(one.seed);
                var state = new KeyspaceState
                {
                    Map = MapOf(new() { Replication = ReplicationKind.Quorum, Replicas = one.counted }, one.counted),
                };
                var before = state.Map!;
                var counted = one.counted;
                List<HashSet<int>> held = [];
                foreach (var (write, read, kind) in one.steps)
                {
                    var wanted = state.Map!.Settings with { WriteQuorum = write, ReadQuorum = read };
                    if (kind == 0 && counted < 7)
                    {
                        // Another replica has copied from all the others; one missing acknowledgement may be its own.
                        counted++;
                        held.ForEach(holders => holders.Add(counted - 1));
                        state = state.WithChanged(MapOf(state.Map!.Settings, counted));
                        before = state.Map!;
                    }
                    else if (
                        KeyspaceRules.ReasonsAgainst(wanted with { Replicas = counted }).Count == 0
                        && QuorumHistory.ReasonsAgainst(state.Map!, wanted, state.MissingMax).Count == 0
                    )
                    {
                        before = state.Map!;
                        state = state.WithChanged(before with { Settings = wanted });
                    }
                    foreach (var writer in new[] { before, state.Map! })
                    {
                        held.Add(Some(QuorumSizes.Of(writer.Settings, counted).Write, counted, random));
                    }
                    foreach (var reader in new[] { before, state.Map! })
                    {
                        var least = QuorumSizes.Of(reader.Settings, counted).Read;
                        Assert.All(held, holders => Assert.True(counted - holders.Count < least));
                    }
                }
            },
            iter: 2_000
        );

    private static HashSet<int> Some(int count, int of, Random random) =>
        [.. Enumerable.Range(0, of).OrderBy(_ => random.Next()).Take(count)];

    private static KeyspaceSettings Settings(string quorums) =>
        new()
        {
            Replication = ReplicationKind.Quorum,
            WriteQuorum = quorums[0] - '0',
            ReadQuorum = quorums[2] - '0',
        };

    private static KeyspaceMap MapOf(KeyspaceSettings settings, int counted) =>
        new()
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 1,
            Settings = settings,
            Shards =
            [
                new()
                {
                    ShardId = 2,
                    FirstSlot = 0,
                    Replicas =
                    [
                        .. Enumerable
                            .Range(0, counted)
                            .Select(node => new ReplicaPlacement { ReplicaId = 10 + node, Node = $"n{node}" }),
                    ],
                },
            ],
        };
}
