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
                (ReplicationKind.Raft, ConsistencyLevel.Bounded),
                (ReplicationKind.Quorum, ConsistencyLevel.Default),
                (ReplicationKind.Quorum, ConsistencyLevel.Quorum),
                (ReplicationKind.Quorum, ConsistencyLevel.All),
                (ReplicationKind.Async, ConsistencyLevel.All),
            ],
            fresh
        );
    }
}
