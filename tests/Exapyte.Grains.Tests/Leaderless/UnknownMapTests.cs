using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>A replica that was started again and has not been told yet what it is part of.</summary>
public sealed class UnknownMapTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>
{
    [Theory]
    [InlineData(Quorum)]
    [InlineData(QuorumMemory)]
    public async Task A_replica_without_a_map_counts_for_no_read_no_write_and_no_snapshot(string keyspace)
    {
        var identity = nodes.Replica(keyspace, "n1").Identity;
        using var replica = Restarted(identity);

        var read = replica.ReadLocal(new() { Keys = [Entries.Bytes("a")] });
        var page = await replica.ScanLocal(
            new()
            {
                Start = default,
                EntriesMax = 10,
                BytesMax = 100,
            }
        );
        var push = await replica.Accept(new() { FromReplicaId = 7, Entries = [Entries.Put("a", 1, "v")] });
        var pinned = await replica.Scan(Scan(ConsistencyLevel.Default, pin: true));
        var listed = await replica.Scan(Scan(ConsistencyLevel.One, pin: false));
        var asIs = replica.ReadLocal(new() { Keys = [Entries.Bytes("a")], AsIs = true });

        Assert.Equal(
            Enumerable.Repeat(OutcomeKind.Unavailable, 5),
            [read.Kind, page.Kind, push.Kind, pinned.Kind, listed.Kind]
        );
        Assert.Equal((OutcomeKind.Ok, ""), (asIs.Kind, asIs.Entries.Single().Text()));
    }

    private LeaderlessReplica Restarted(ReplicaIdentity identity) =>
        new(
            nodes.HostOf("n1").Services,
            identity,
            new(
                new MemoryStore(new() { KeepTombstones = true }, TimeProvider.System),
                null,
                null,
                new GroupId((ulong)identity.ReplicaId)
            )
        );

    private static ScanRequest Scan(ConsistencyLevel level, bool pin) =>
        new()
        {
            Start = default,
            EntriesMax = 10,
            BytesMax = 100,
            MapEpoch = 1,
            TimeoutMs = 1_000,
            Level = level,
            Pin = pin,
        };
}
