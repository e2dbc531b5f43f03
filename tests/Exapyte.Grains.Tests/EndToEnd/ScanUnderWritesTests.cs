using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Listings over real shards while entries come, change and go all around.</summary>
public sealed class ScanUnderWritesTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private const int Stable = 240;
    private const int PageEntries = 13;
    private const int Passes = 6;

    /// <summary>Between any two that stay lies one that comes and goes.</summary>
    private static readonly string[] Staying = [.. Enumerable.Range(0, Stable).Select(i => $"walk{i:D4}")];

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public static TheoryData<ReplicationKind> Kinds => [.. Enum.GetValues<ReplicationKind>()];

    [Theory, MemberData(nameof(Kinds))]
    [Trait("Scenario", "data_plane_process_scan")]
    public async Task What_is_there_throughout_is_listed_exactly_once_by_prefix_and_range_in_both_directions(
        ReplicationKind kind
    )
    {
        var keyspace = ThreeNodes.Name(kind);
        var client = nodes.Cluster.Client();
        // Leaderless replicas list what they themselves hold: each of them holds these before the first listing begins.
        var level = kind == ReplicationKind.Raft ? ConsistencyLevel.Default : ConsistencyLevel.All;
        foreach (
            var put in await client.ExecuteBatchAsync(keyspace, [.. Staying.Select(key => Put(key, level))], false)
        )
        {
            Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
        }
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 3).Select(writer => Churn(keyspace, writer, stop.Token)).ToList();
        var between = Staying[40..200];
        var whole = new ScanQuery { Prefix = Bytes("walk"), EntriesMax = PageEntries };
        var range = new ScanQuery
        {
            Start = Bytes(between[0]),
            End = Bytes(Staying[200]),
            EntriesMax = PageEntries,
        };

        var passing = 0;
        for (var pass = 0; pass < Passes; pass++)
        {
            var node = $"n{(pass % 3) + 1}";
            passing += await IsRight(node, keyspace, whole, Staying);
            passing += await IsRight(node, keyspace, whole with { Reverse = true }, Staying);
            passing += await IsRight(node, keyspace, range, between);
            passing += await IsRight(node, keyspace, range with { Reverse = true, KeysOnly = true }, between);
        }
        await stop.CancelAsync();
        var churned = (await Task.WhenAll(writers)).Sum();

        // Otherwise nothing went on while it was listed.
        Assert.InRange(churned, Passes, int.MaxValue);
        Assert.InRange(passing, 1, int.MaxValue);
    }

    /// <summary>Lists all pages; returns how many entries were met that come and go.</summary>
    private async Task<int> IsRight(string node, string keyspace, ScanQuery query, string[] staying)
    {
        List<string> listed = [];
        for (var more = true; more; )
        {
            var page = await nodes.Cluster.Client(node).ScanAsync(keyspace, query, OfTest);
            Assert.Equal(OutcomeKind.Ok, page.Kind);
            Assert.InRange(page.Entries.Count, 0, PageEntries);
            listed.AddRange(page.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span)));
            more = page.More;
            query = page.Entries.Count > 0 ? query with { After = page.Entries[^1].Key } : query;
        }
        var ordered = query.Reverse
            ? listed.OrderDescending(StringComparer.Ordinal)
            : listed.Order(StringComparer.Ordinal);
        Assert.Equal(ordered, listed);
        Assert.Equal(listed.Count, listed.Distinct().Count());
        var expected = query.Reverse ? Enumerable.Reverse(staying) : staying;
        Assert.Equal(expected, listed.Where(key => key.Length == Staying[0].Length));
        return listed.Count - staying.Length;
    }

    /// <summary>Changes what stays, and puts and deletes what lies between.</summary>
    private async Task<int> Churn(string keyspace, int writer, CancellationToken stop)
    {
        var client = nodes.Cluster.Client($"n{writer + 1}");
        var writes = 0;
        for (var i = writer; !stop.IsCancellationRequested; i += 7)
        {
            var key = Staying[i % Stable];
            OperationResult[] done =
            [
                await client.PutAsync(keyspace, key, $"{i}", cancellationToken: CancellationToken.None),
                await client.PutAsync(keyspace, $"{key}-{writer}", "x", cancellationToken: CancellationToken.None),
                await client.DeleteAsync(
                    keyspace,
                    $"{Staying[(i + 14) % Stable]}-{writer}",
                    cancellationToken: CancellationToken.None
                ),
            ];
            Assert.All(done, write => Assert.Equal(OutcomeKind.Ok, write.Outcome.Kind));
            writes += done.Length;
        }
        return writes;
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
