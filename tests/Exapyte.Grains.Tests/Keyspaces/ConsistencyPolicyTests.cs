using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Keyspaces;

public sealed class ConsistencyPolicyTests
{
    [Theory]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Default, 2, 2)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Quorum, 2, 2)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.One, 1, 1)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Eventual, 1, 1)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.All, 3, 3)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Default, 1, 1)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Quorum, 2, 2)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.All, 3, 3)]
    public void A_level_takes_its_number_of_replicas(
        ReplicationKind replication,
        ConsistencyLevel level,
        int write,
        int read
    )
    {
        var settings = new KeyspaceSettings { Replication = replication };
        Assert.Equal(write, ConsistencyPolicy.OfWrite(replication, level)!.Value.WriteReplicas(settings, 3));
        Assert.Equal(read, ConsistencyPolicy.OfRead(replication, level)!.Value.ReadReplicas(settings, 3));
    }

    [Fact]
    public void Every_level_is_taken_by_a_kind_of_keyspace_or_refused_with_what_to_use_instead()
    {
        foreach (var kind in Enum.GetValues<ReplicationKind>())
        {
            foreach (var level in Enum.GetValues<ConsistencyLevel>())
            {
                foreach (var isWrite in (bool[])[false, true])
                {
                    var operation = new Operation
                    {
                        Kind = isWrite ? OperationKind.Put : OperationKind.Get,
                        Key = new byte[1],
                        Level = level,
                    };
                    var reason = ConsistencyPolicy.ReasonAgainst(kind, isWrite, level);
                    Assert.Equal(ConsistencyPolicy.Of(kind, operation) is null, reason is not null);
                    Assert.True(reason is null || (reason.Contains("use ") || reason.Contains("leave it out")), reason);
                }
            }
        }
    }

    [Theory]
    [InlineData(null, null, 3)]
    [InlineData(3, 1, 3)]
    [InlineData(1, 3, 3)]
    [InlineData(null, null, 4)]
    [InlineData(5, 1, 5)]
    public void What_a_session_merges_meets_every_quorum_write_and_every_earlier_merge(
        int? write,
        int? read,
        int counted
    )
    {
        var settings = new KeyspaceSettings
        {
            Replication = ReplicationKind.Quorum,
            WriteQuorum = write,
            ReadQuorum = read,
        };
        var merged = ConsistencyPolicy.SessionReplicas(settings, counted);
        var quorum = ConsistencyPolicy.OfWrite(ReplicationKind.Quorum, ConsistencyLevel.Quorum)!.Value;
        Assert.True(merged + quorum.WriteReplicas(settings, counted) > counted);
        Assert.True(merged + merged > counted);
    }

    [Fact]
    public void Only_what_is_proven_to_see_every_acknowledged_write_calls_itself_fresh()
    {
        (ReplicationKind, ConsistencyLevel)[] fresh =
        [
            .. from kind in Enum.GetValues<ReplicationKind>()
            from level in Enum.GetValues<ConsistencyLevel>()
            where ConsistencyPolicy.OfRead(kind, level) is { IsFresh: true }
            select (kind, level),
        ];
        Assert.Equal(
            [
                (ReplicationKind.Raft, ConsistencyLevel.Default),
                (ReplicationKind.Raft, ConsistencyLevel.Linearizable),
                (ReplicationKind.Quorum, ConsistencyLevel.Default),
                (ReplicationKind.Quorum, ConsistencyLevel.Quorum),
                (ReplicationKind.Quorum, ConsistencyLevel.All),
                (ReplicationKind.Async, ConsistencyLevel.All),
            ],
            fresh
        );
    }
}
