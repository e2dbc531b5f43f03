using CsCheck;
using Exapyte.Keyspaces;
using Xunit;

namespace Exapyte.Grains.Tests.Keyspaces;

[Trait("Scenario", "sync_replicator_initialization")]
public sealed class QuorumSizesTests
{
    [Theory]
    [InlineData(null, null, 3, 2, 2)]
    [InlineData(null, null, 2, 2, 2)]
    [InlineData(null, null, 1, 1, 1)]
    [InlineData(3, 1, 3, 3, 1)]
    [InlineData(1, 3, 3, 1, 3)]
    [InlineData(1, 3, 2, 1, 2)]
    [InlineData(3, 1, 2, 2, 1)]
    [InlineData(2, 2, 1, 1, 1)]
    public void Quorums_follow_the_settings_and_shrink_with_the_placed_replicas(
        int? write,
        int? read,
        int placed,
        int writeOf,
        int readOf
    ) => Assert.Equal(new(writeOf, readOf), QuorumSizes.Of(Quorum(3, write, read), placed));

    [Fact]
    public void A_shard_without_a_replica_has_quorums_that_nothing_meets() =>
        Assert.Equal(new(1, 1), QuorumSizes.Of(Quorum(3, null, null), 0));

    [Fact]
    public void A_raft_shard_needs_majorities() =>
        Assert.Equal(new(3, 3), QuorumSizes.Of(new() { Replication = ReplicationKind.Raft, Replicas = 5 }, 5));

    [Fact]
    public void A_quorum_of_an_async_shard_is_a_majority() =>
        Assert.Equal(new(2, 2), QuorumSizes.Of(new() { Replication = ReplicationKind.Async }, 3));

    [Fact]
    public void Every_read_quorum_meets_every_write_quorum_whatever_is_placed() =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 9].Nullable(), Gen.Int[1, 9].Nullable(), Gen.Int[1, 9])
            .Where((replicas, write, read, _) => KeyspaceRules.ReasonsAgainst(Quorum(replicas, write, read)).Count == 0)
            .Sample(
                (replicas, write, read, placed) =>
                {
                    var sizes = QuorumSizes.Of(Quorum(replicas, write, read), placed);
                    Assert.InRange(sizes.Write, 1, placed);
                    Assert.InRange(sizes.Read, 1, placed);
                    Assert.True(sizes.Write + sizes.Read > placed);
                }
            );

    [Fact]
    public void A_setting_whose_quorums_could_miss_each_other_is_refused() =>
        Assert.Single(KeyspaceRules.ReasonsAgainst(Quorum(3, 1, 2)));

    private static KeyspaceSettings Quorum(int replicas, int? write, int? read) =>
        new()
        {
            Replication = ReplicationKind.Quorum,
            Replicas = replicas,
            WriteQuorum = write,
            ReadQuorum = read,
        };
}
