using CsCheck;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class IdentityTests
{
    private static readonly Gen<string> NodeIds = Gen.Select(
        Gen.Char["abz09"],
        Gen.Char["a0-"].Array[0, 20],
        (first, rest) => first + new string(rest) + "x"
    );

    [Fact]
    public void A_version_reads_back_from_its_text()
    {
        Gen.Select(Gen.ULong, Gen.Frequency((1, Gen.Const(0UL)), (2, Gen.ULong)))
            .Sample(
                (revision, origin) =>
                {
                    var stamp = new VersionStamp(revision, origin);
                    return VersionStamp.TryParse(stamp.ToString(), out var read) && read == stamp;
                }
            );
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("x")]
    [InlineData("1-")]
    [InlineData("-1")]
    [InlineData("1-0")]
    [InlineData("1-2-3")]
    [InlineData(" 1")]
    [InlineData("18446744073709551616")]
    public void What_is_no_version_is_not_read_as_one(string text) => Assert.False(VersionStamp.TryParse(text, out _));

    [Fact]
    public void Versions_are_ordered_by_revision_then_origin()
    {
        var stamp = Gen.Select(
            Gen.ULong[0, 3],
            Gen.ULong[0, 3],
            (revision, origin) => new VersionStamp(revision, origin)
        );
        Gen.Select(stamp, stamp)
            .Sample(
                (left, right) =>
                {
                    var expected = (left.Revision, left.Origin).CompareTo((right.Revision, right.Origin));
                    return Math.Sign(left.CompareTo(right)) == Math.Sign(expected)
                        && (left < right) == (expected < 0)
                        && (left > right) == (expected > 0)
                        && (left <= right) == (expected <= 0)
                        && (left >= right) == (expected >= 0);
                }
            );
    }

    [Fact]
    public void A_replicas_key_reads_back_and_names_its_node()
    {
        Gen.Select(Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue], Gen.Long[0, long.MaxValue], NodeIds)
            .Sample(
                (keyspace, shard, replica, node) =>
                {
                    var key = new ReplicaKey(keyspace, shard, replica, node);
                    var text = key.ToString();
                    return ReplicaKey.TryParse(text, out var read)
                        && read == key
                        && NodeKey.NodeIn(text).SequenceEqual(node)
                        && NodeKey.IsNodeId(node);
                }
            );
    }

    [Theory]
    [InlineData("")]
    [InlineData("1/2/3")]
    [InlineData("1/2@n1")]
    [InlineData("1/2/3/4@n1")]
    [InlineData("1/2/x@n1")]
    [InlineData("-1/2/3@n1")]
    [InlineData("node@n1")]
    public void What_is_no_replicas_key_is_not_read_as_one(string text) =>
        Assert.False(ReplicaKey.TryParse(text, out _));

    [Theory]
    [InlineData("n1", true)]
    [InlineData("a-b-c", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData("a-", false)]
    [InlineData("A", false)]
    [InlineData("a@b", false)]
    public void A_nodes_id_is_of_small_letters_digits_and_inner_dashes(string id, bool valid) =>
        Assert.Equal(valid, NodeKey.IsNodeId(id));

    [Fact]
    public void A_nodes_own_key_names_it()
    {
        Assert.Equal("n7", NodeKey.NodeIn(NodeKey.Of("n7")).ToString());
        Assert.True(NodeKey.NodeIn("no-node").IsEmpty);
    }

    [Theory]
    [InlineData(ConditionKind.None, true, true, true)]
    [InlineData(ConditionKind.Absent, true, false, false)]
    [InlineData(ConditionKind.Present, false, true, true)]
    [InlineData(ConditionKind.AnyOf, false, true, false)]
    [InlineData(ConditionKind.NoneOf, true, false, true)]
    public void A_condition_is_judged_against_the_present_version(
        ConditionKind kind,
        bool absent,
        bool same,
        bool other
    )
    {
        var version = new VersionStamp(5);
        var condition = new WriteCondition(kind, [version]);

        Assert.Equal(absent, condition.IsMetBy(VersionStamp.None));
        Assert.Equal(same, condition.IsMetBy(version));
        Assert.Equal(other, condition.IsMetBy(new(6)));
    }
}
