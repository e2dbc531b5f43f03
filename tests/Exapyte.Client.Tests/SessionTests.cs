using CsCheck;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class SessionTests
{
    private static readonly Gen<(long Keyspace, long Shard, SessionMark Mark)> Marks = Gen.Select(
        Gen.Long[1, 3],
        Gen.Long[1, 60],
        Gen.Long[-1, 2],
        Gen.ULong,
        (keyspace, shard, replica, revision) => (keyspace, shard, new SessionMark(replica, revision))
    );

    [Fact]
    public void A_session_asks_for_at_least_all_that_it_has_seen_whatever_that_is_and_through_bytes_and_merges() =>
        Marks
            .Array[0, 600]
            .Sample(seen =>
            {
                var (one, other) = (new ClientSession(), new ClientSession());
                for (var i = 0; i < seen.Length; i++)
                {
                    (i % 2 == 0 ? one : other).Saw(seen[i].Keyspace, seen[i].Shard, seen[i].Mark);
                }
                Assert.True(ClientSession.TryRead(other.ToBytes(), out var carried));
                one.Merge(carried);
                Assert.True(one.ToBytes().Length <= 2 + (ClientSession.MarksMax * 40));
                foreach (var (keyspace, shard, mark) in seen)
                {
                    Assert.Contains(
                        one.SeenOf(keyspace, shard)!,
                        known =>
                            known == SessionMark.Everything
                            || (known.ReplicaId == mark.ReplicaId && known.Revision >= mark.Revision)
                    );
                }
            });

    [Fact]
    public void One_that_has_seen_more_than_it_remembers_asks_for_everything_and_stays_small()
    {
        var session = new ClientSession();
        for (var shard = 1; shard <= ClientSession.MarksMax; shard++)
        {
            session.Saw(1, shard, new(0, 5));
        }
        Assert.Equal(new SessionMark(0, 5), Assert.Single(session.SeenOf(1, 1)!));

        session.Saw(1, ClientSession.MarksMax + 1, new(0, 5));

        Assert.Equal(SessionMark.Everything, Assert.Single(session.SeenOf(1, 1)!));
        Assert.Equal(SessionMark.Everything, Assert.Single(session.SeenOf(9, 9)!));
        Assert.InRange(session.ToBytes().Length, 1, 2);
    }

    [Fact]
    public void A_session_that_has_seen_nothing_of_a_shard_asks_for_nothing()
    {
        var session = new ClientSession();
        Assert.True(session.IsEmpty);
        session.Saw(1, 2, new(0, 5));

        Assert.Null(session.SeenOf(2, 2));
        Assert.Null(session.SeenOf(1, 3));
        Assert.False(session.IsEmpty);
    }

    [Fact]
    public void Bytes_that_are_no_session_are_none()
    {
        Assert.False(ClientSession.TryRead(default, out _));
        Assert.False(ClientSession.TryRead(new byte[] { 9, 0 }, out _));
        Assert.False(ClientSession.TryRead(new byte[] { 1, 0, 200 }, out _));
    }
}
