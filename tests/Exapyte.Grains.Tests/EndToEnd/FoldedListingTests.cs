using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Listings with a delimiter over real shards of every kind of keyspace.</summary>
public sealed class FoldedListingTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    public static TheoryData<ReplicationKind> Kinds => [.. Enum.GetValues<ReplicationKind>()];

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_scan")]
    public async Task Common_prefixes_come_once_each_from_every_node_and_deleted_and_ended_entries_make_none(
        ReplicationKind kind
    )
    {
        var keyspace = ThreeNodes.Name(kind);
        // Leaderless replicas list what they themselves hold: each of them holds all of it.
        var level = kind == ReplicationKind.Raft ? ConsistencyLevel.Default : ConsistencyLevel.All;
        List<Operation> writes = [];
        for (var i = 0; i < 60; i++)
        {
            writes.Add(Put($"fold/many/{i:00}", level));
            writes.Add(Put($"fold/{i / 10}/{i % 10}/x", level));
            writes.Add(Put($"fold/ended/{i:00}", level) with { ExpiresAtMs = 1 });
            writes.Add(Put($"fold/gone/{i:00}", level));
        }
        writes.Add(Put("fold/leaf", level));
        writes.AddRange(
            Enumerable
                .Range(0, 60)
                .Select(i => new Operation
                {
                    Kind = OperationKind.Delete,
                    Key = Bytes($"fold/gone/{i:00}"),
                    Level = level,
                })
        );
        foreach (var write in await nodes.Cluster.Client().ExecuteBatchAsync(keyspace, writes, atomic: false))
        {
            Assert.Equal(OutcomeKind.Ok, write.Outcome.Kind);
        }
        string[] expected = ["0/", "1/", "2/", "3/", "4/", "5/", "leaf", "many/"];

        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            foreach (var limit in (int[])[1, 3, 100])
            {
                var query = new ScanQuery
                {
                    Prefix = Bytes("fold/"),
                    Delimiter = Bytes("/"),
                    EntriesMax = limit,
                };
                Assert.Equal(expected, await List(node, keyspace, query));
                Assert.Equal(expected.Reverse(), await List(node, keyspace, query with { Reverse = true }));
            }
        }
    }

    private async Task<List<string>> List(string node, string keyspace, ScanQuery query)
    {
        List<string> found = [];
        while (true)
        {
            var page = await nodes
                .Cluster.Client(node)
                .ScanAsync(keyspace, query, TestContext.Current.CancellationToken);
            Assert.True(page.Kind == OutcomeKind.Ok, page.Detail);
            found.AddRange(
                page.InOrder(query.Reverse).Select(one => Encoding.UTF8.GetString(one.Key.Span)["fold/".Length..])
            );
            if (!page.More)
            {
                return found;
            }
            query = query with { After = page.Last(query.Reverse) ?? query.After };
        }
    }

    private static Operation Put(string key, ConsistencyLevel level) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Bytes(key),
            Value = Bytes(key),
            Level = level,
        };

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
