using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class QuotaTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    private IExapyteClient Client(int at) => nodes.Cluster.Patient($"n{1 + (at % 3)}");

    [Theory]
    [InlineData(ReplicationKind.Raft, StorageKind.Disk)]
    [InlineData(ReplicationKind.Quorum, StorageKind.Disk)]
    [InlineData(ReplicationKind.Quorum, StorageKind.Memory)]
    public async Task One_write_after_another_through_any_node_fills_the_quota_and_no_more(
        ReplicationKind replication,
        StorageKind storage
    )
    {
        var keyspace = await Create("full", replication, storage, new() { Entries = 10 });
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(OutcomeKind.Ok, await Put(i, keyspace, $"k{i}"));
        }

        Assert.Equal(OutcomeKind.QuotaExceeded, await Put(1, keyspace, "one-more"));
        Assert.Equal(OutcomeKind.NotFound, (await Client(0).GetAsync(keyspace, "one-more")).Outcome.Kind);
        Assert.Equal(OutcomeKind.Ok, await Put(2, keyspace, "k3"));
        Assert.Equal(10, (await UseOf(keyspace))?.Entries);

        Assert.Equal(OutcomeKind.Ok, (await Client(1).DeleteAsync(keyspace, "k5")).Outcome.Kind);
        await Eventually.Holds(
            async () => await Put(2, keyspace, "in-its-place") == OutcomeKind.Ok,
            "What was deleted makes room."
        );
        Assert.Equal(OutcomeKind.QuotaExceeded, await Put(0, keyspace, "one-more"));
    }

    [Theory]
    [InlineData(StorageKind.Disk)]
    [InlineData(StorageKind.Memory)]
    public async Task What_one_replica_acknowledged_counts_once_the_others_know_of_it(StorageKind storage)
    {
        var keyspace = await Create("async", ReplicationKind.Async, storage, new() { Bytes = 100 });
        await Eventually.Holds(
            async () => await Put(0, keyspace, $"k{Guid.NewGuid():n}") == OutcomeKind.QuotaExceeded,
            "The quota of an async keyspace is reached."
        );

        await Eventually.Holds(
            async () => await Put(1, keyspace, $"k{Guid.NewGuid():n}") == OutcomeKind.QuotaExceeded,
            "The other nodes hear of it."
        );
        Assert.InRange((await UseOf(keyspace))!.Value.Bytes, 34, 100 + (2 * 34));
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    public async Task A_quota_that_comes_later_counts_what_is_there_and_one_that_goes_lets_everything_in(
        ReplicationKind replication
    )
    {
        var keyspace = await Create("later", replication, StorageKind.Disk, null);
        for (var i = 0; i < 6; i++)
        {
            Assert.Equal(OutcomeKind.Ok, await Put(i, keyspace, $"k{i}"));
        }
        Assert.Null(await UseOf(keyspace));

        await Change(keyspace, new() { Entries = 6 });
        await Eventually.Holds(async () => (await UseOf(keyspace))?.Entries == 6, "All shards are counted.");
        await Eventually.Holds(
            async () => await Put(0, keyspace, "more") == OutcomeKind.QuotaExceeded,
            "The quota is in force."
        );

        await Change(keyspace, null);
        await Eventually.Holds(async () => await Put(0, keyspace, "more") == OutcomeKind.Ok, "It is no longer.");
    }

    [Fact]
    public async Task Many_writers_at_once_go_over_it_by_no_more_than_what_was_under_way()
    {
        const int writers = 16;
        var keyspace = await Create("many", ReplicationKind.Raft, StorageKind.Disk, new() { Entries = 200 });

        var written = await Task.WhenAll(
            Enumerable
                .Range(0, writers)
                .Select(async writer =>
                {
                    var count = 0;
                    while (await Put(writer, keyspace, $"w{writer}-{count}") == OutcomeKind.Ok)
                    {
                        count++;
                    }
                    return count;
                })
        );

        Assert.InRange(written.Sum(), 200, 200 + writers);
        Assert.Equal(written.Sum(), (await UseOf(keyspace))?.Entries);
    }

    private async Task<string> Create(
        string name,
        ReplicationKind replication,
        StorageKind storage,
        KeyspaceQuota? quota
    )
    {
        var keyspace = $"{name}-{replication}-{storage}".ToLowerInvariant();
        await nodes.Cluster.Create(
            keyspace,
            new()
            {
                Replication = replication,
                Storage = storage,
                Shards = 4,
                Quota = quota,
            }
        );
        return keyspace;
    }

    private async Task Change(string keyspace, KeyspaceQuota? quota)
    {
        var settings = (await Client(0).GetKeyspaceAsync(keyspace, OfTest)).Map!.Settings;
        var reply = await Client(0).PutKeyspaceAsync(keyspace, settings with { Quota = quota }, OfTest);
        Assert.Equal(KeyspaceOutcome.Ok, reply.Outcome);
    }

    private async Task<OutcomeKind> Put(int through, string keyspace, string key) =>
        (await Client(through).PutAsync(keyspace, key, "v", cancellationToken: OfTest)).Outcome.Kind;

    private async Task<Usage?> UseOf(string keyspace) =>
        await Client(0).GetUseAsync((await Client(0).GetKeyspaceAsync(keyspace, OfTest)).Map!, OfTest);
}
