using Exapyte.Client;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>A keyspace is deleted while one of its nodes hears nothing of that.</summary>
public sealed class MissedDeletionTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>, IDisposable
{
    private readonly string key = $"{Guid.NewGuid()}";

    public void Dispose() => nodes.Faults.Clear();

    [Theory]
    [InlineData(Async)]
    [InlineData(AsyncMemory)]
    public async Task What_a_node_takes_that_has_not_heard_of_a_deletion_is_in_no_keyspace_of_that_name_later(
        string kind
    )
    {
        var keyspace = $"missed-{key}";
        var settings = nodes.MapOf(kind).Settings;
        var map = await nodes.Cluster.Create(keyspace, settings);
        nodes.Faults.Refuse("n1", nameof(INodeGrain.ApplyMap));

        await nodes.Client("n2").DeleteKeyspaceAsync(keyspace);

        // The nodes in reach have retired its replicas; the third goes on taking what comes to it.
        Assert.Equal(["n1"], Hosting(map.KeyspaceId));
        var taken = await ReplicaOn("n1", map.KeyspaceId)
            .Execute(
                new()
                {
                    Operations = [Put(key, "too late")],
                    MapEpoch = map.Epoch,
                    TimeoutMs = 20_000,
                }
            );
        Assert.Equal(OutcomeKind.Ok, taken.Outcomes.Single().Kind);

        nodes.Faults.Clear();
        await Eventually.Holds(() => Hosting(map.KeyspaceId).Length == 0, "It has retired its replica too.");
        var again = await nodes.Cluster.Create(keyspace, settings);
        Assert.NotEqual(map.KeyspaceId, again.KeyspaceId);
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            var read = (await nodes.Client(node).GetAsync(keyspace, key)).Outcome;
            Assert.Equal(OutcomeKind.NotFound, read.Kind);
        }
    }

    private string[] Hosting(long keyspaceId) =>
        [
            .. ((string[])["n1", "n2", "n3"]).Where(node =>
                nodes.HostOf(node).Replicas.All.Any(replica => replica.Identity.KeyspaceId == keyspaceId)
            ),
        ];

    private LeaderlessReplica ReplicaOn(string node, long keyspaceId) =>
        nodes
            .HostOf(node)
            .Replicas.All.OfType<LeaderlessReplica>()
            .Single(replica => replica.Identity.KeyspaceId == keyspaceId);
}
