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
            await WriteAsync(cluster["n1"].Rest, kind, "kept", "old");
            await WriteAsync(cluster["n1"].Rest, kind, "gone", "old");
            await BecomesAsync(cluster["n3"].Rest, kind, "gone", "old");
            await WriteAsync(cluster["n3"].Rest, kind, "kept", "new");
            Assert.Equal(204, (await cluster["n3"].Rest.DeleteAsync(kind, "gone")).Status);
            await BecomesAsync(cluster["n2"].Rest, kind, "kept", "new");
            await BecomesAsync(cluster["n2"].Rest, kind, "gone", expected: null);
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
                () => $"{last}"
            );
        }
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

    static async Task WriteAsync(RestClient client, string keyspace, string key, string value)
    {
        var answer = await client.PutAsync(keyspace, key, Encoding.UTF8.GetBytes(value));
        Assert.True(answer.Status is 201 or 204, answer.ToString());
        Assert.NotNull(answer.ETag);
    }

    static async Task BecomesAsync(RestClient client, string keyspace, string key, string? expected)
    {
        RestAnswer? last = null;
        async Task<bool> IsAsExpectedAsync()
        {
            last = await client.GetAsync(keyspace, key);
            return expected is null ? last.Status == 404 : last.Status == 200 && last.Text == expected;
        }

        // Where a read sees the last write it must see it at once; elsewhere it comes.
        if (keyspace == "async")
            await Poll.UntilAsync($"{key} becomes {expected}", ClusterTestEnvironment.Deadline, IsAsExpectedAsync);
        else
            Assert.True(await IsAsExpectedAsync(), $"{keyspace}/{key} should be {expected ?? "absent"} but: {last}");
    }
}
