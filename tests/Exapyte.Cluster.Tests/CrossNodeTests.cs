using System.Text;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

public sealed class CrossNodeTests(ClusterTestEnvironment environment)
{
    [Theory]
    [Trait("Scenario", "cross_node_operations")]
    [InlineData(MeetingPlace.Sqlite)]
    [InlineData(MeetingPlace.Postgres)]
    public async Task What_one_node_takes_every_other_gives_back(MeetingPlace place)
    {
        await using var cluster = await environment.StartThreeAsync(place);
        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        var clients = cluster.NodeIds.Select(id => cluster[id].Rest).ToList();
        foreach (var kind in Keyspaces.Kinds)
        {
            var writes = await Keyspaces.FillAsync(kind, clients, entries: 90);
            foreach (var client in clients)
                await Keyspaces.IsIntactAsync(client, writes);
        }
    }

    [Fact]
    [Trait("Scenario", "cross_node_operations")]
    public async Task A_delete_and_an_overwrite_through_one_node_are_seen_through_another()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAllAsync(cluster["n2"].Rest, replicas: 3);
        foreach (var kind in Keyspaces.Kinds)
        {
            // A write that was not acknowledged may take effect at any time: after one, begin anew with other keys.
            var tries = 0;
            await Poll.UntilAsync(
                $"all writes to {kind} are acknowledged",
                ClusterTestEnvironment.Deadline,
                () => AreSeenElsewhereAsync(cluster, kind, kept: $"kept-{tries}", gone: $"gone-{tries++}"),
                cluster.Outputs
            );
        }
    }

    [Fact]
    [Trait("Scenario", "cross_node_operations")]
    public async Task A_listing_through_any_node_has_every_key_once_and_in_order()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAllAsync(cluster["n1"].Rest, replicas: 3);
        foreach (var kind in Keyspaces.Kinds)
        {
            await Keyspaces.FillAsync(kind, [cluster["n1"].Rest, cluster["n2"].Rest], entries: 60);
            var expected = Enumerable.Range(0, 60).Select(index => $"entry/{index}").Order(StringComparer.Ordinal);
            RestAnswer? last = null;
            await Poll.UntilAsync(
                $"the listing of {kind} is complete",
                ClusterTestEnvironment.Deadline,
                async () =>
                {
                    last = await cluster["n3"].Rest.ListAsync(kind, "prefix=entry/&limit=1000&keysOnly=true");
                    return last.Status == 200 && Keys(last).SequenceEqual(expected);
                },
                () => $"{last}\n{cluster.Outputs()}"
            );
        }
    }

    /// <summary>False where a write was not acknowledged.</summary>
    static async Task<bool> AreSeenElsewhereAsync(SiloCluster cluster, string keyspace, string kept, string gone)
    {
        var (one, other, third) = (cluster["n1"].Rest, cluster["n2"].Rest, cluster["n3"].Rest);
        if (!await IsWrittenAsync(one, keyspace, kept, "old") || !await IsWrittenAsync(one, keyspace, gone, "old"))
            return false;
        await BecomesAsync(third, keyspace, gone, "old");
        if (!await IsWrittenAsync(third, keyspace, kept, "new"))
            return false;
        var deleted = await third.DeleteAsync(keyspace, gone);
        if (!deleted.IsSuccess)
            return false;
        Assert.Equal(204, deleted.Status);
        await BecomesAsync(other, keyspace, kept, "new");
        await BecomesAsync(other, keyspace, gone, expected: null);
        return true;
    }

    static IEnumerable<string?> Keys(RestAnswer page)
    {
        var entries = page
            .Json.EnumerateObject()
            .Select(property => property.Value)
            .First(value => value.ValueKind == System.Text.Json.JsonValueKind.Array);
        return entries
            .EnumerateArray()
            .Select(entry =>
                entry.ValueKind == System.Text.Json.JsonValueKind.String
                    ? entry.GetString()
                    : entry.GetProperty("key").GetString()
            );
    }

    static async Task<bool> IsWrittenAsync(RestClient client, string keyspace, string key, string value)
    {
        var answer = await client.PutAsync(keyspace, key, Encoding.UTF8.GetBytes(value));
        if (!answer.IsSuccess)
            return false;
        Assert.True(answer.Status is 201 or 204, answer.ToString());
        Assert.NotNull(answer.ETag);
        return true;
    }

    static async Task BecomesAsync(RestClient client, string keyspace, string key, string? expected)
    {
        RestAnswer? last = null;
        async Task<bool> IsAsExpectedAsync()
        {
            last = await Requests.ReadAsync(client, keyspace, key);
            return expected is null ? last.Status == 404 : last.Status == 200 && last.Text == expected;
        }

        string Explain() => $"{keyspace}/{key} should be {expected ?? "absent"} but: {last}\n{client.ServerOutput()}";

        // Where a read sees the last write the first that is answered must see it; elsewhere it comes.
        if (keyspace == "async")
            await Poll.UntilAsync($"{key} changes", ClusterTestEnvironment.Deadline, IsAsExpectedAsync, Explain);
        else
            Assert.True(await IsAsExpectedAsync(), Explain());
    }
}
