using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Text;
using Exapyte.Client;
using Exapyte.Client.Backups;
using Exapyte.Grains.Hosting;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class BackupTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private readonly ProductCluster cluster = nodes.Cluster;

    private readonly record struct Acknowledged(string Key, string? Value, ulong Revision);

    [Fact]
    public async Task While_writes_go_on_each_shard_is_read_at_exactly_one_revision()
    {
        var map = await cluster.Create("busy", new() { Shards = 4 });
        ConcurrentQueue<Acknowledged> history = [];
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 3).Select(writer => Write("busy", writer, history, stop.Token)).ToArray();
        await Eventually.Holds(() => history.Count > 2_000, "There is something to read.");

        Dictionary<int, ulong> revisions = [];
        Dictionary<string, (string Value, ulong Revision)> read = [];
        var before = history.Count;
        await foreach (
            var part in cluster.Client("n2").ReadSnapshotAsync("busy", TestContext.Current.CancellationToken)
        )
        {
            Assert.Equal(OutcomeKind.Ok, part.Kind);
            foreach (var entry in part.Entries)
            {
                read.Add(Text(entry.Key), (Text(entry.Value), entry.Version.Revision));
            }
            if (part.Revision > 0)
            {
                revisions[part.Shard] = part.Revision;
            }
        }
        await Eventually.Holds(() => history.Count > before + 200, "Writes went on.");
        await stop.CancelAsync();
        await Task.WhenAll(writers);

        Dictionary<string, (string Value, ulong Revision)> expected = [];
        foreach (var write in history.OrderBy(write => write.Revision))
        {
            if (write.Revision > revisions[map.ShardIndexOf(Encoding.UTF8.GetBytes(write.Key))])
            {
                continue;
            }
            if (write.Value is { } value)
            {
                expected[write.Key] = (value, write.Revision);
            }
            else
            {
                expected.Remove(write.Key);
            }
        }
        Assert.Equal(4, revisions.Count);
        Assert.Equal(expected.OrderBy(one => one.Key), read.OrderBy(one => one.Key));
        Assert.All(cluster.Nodes.Nodes, node => Assert.Equal(0, PinnedOn(node).Count));
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    public async Task A_keyspace_comes_back_from_its_archive_with_values_types_and_lifetimes(ReplicationKind kind)
    {
        var (from, to) = ($"from-{kind}".ToLowerInvariant(), $"to-{kind}".ToLowerInvariant());
        await cluster.Create(
            from,
            new()
            {
                Replication = kind,
                Shards = 3,
                DefaultTtlSeconds = 3_600,
            }
        );
        var client = cluster.Client();
        for (var i = 0; i < 300; i++)
        {
            await Put(from, $"k{i}", $"value {i}", Operation.NeverExpires);
        }
        await Put(from, "lives an hour", "by default", 0);
        await Put(from, "binary", new string('\u00e9', 5_000), 7_200_000);
        await client.DeleteAsync(from, "k7");

        using var archive = new MemoryStream();
        var writer = PipeWriter.Create(archive, new(leaveOpen: true));
        var backup = await client.BackupAsync(from, writer, TimeProvider.System, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        archive.Position = 0;
        var restore = await cluster
            .Client("n3")
            .RestoreAsync(to, archive, TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal((OutcomeKind.Ok, 301L), (backup.Kind, backup.Entries));
        Assert.Equal(
            (RestoreOutcome.Restored, null, true, 301L),
            (restore.Outcome, restore.Detail, restore.Created, restore.Entries)
        );
        Assert.Equal(
            3,
            (await client.GetKeyspaceAsync(to, TestContext.Current.CancellationToken)).Map!.Settings.Shards
        );
        await Eventually.Holds(
            async () => (await List(from)).SequenceEqual(await List(to)),
            "Both keyspaces list the same; an async one once it has converged."
        );
    }

    [Fact]
    public async Task A_keyspace_that_is_not_empty_is_left_as_it_is()
    {
        await cluster.Create("full", new() { Shards = 1 });
        await Put("full", "a", "kept", 0);
        using var archive = new MemoryStream();
        var writer = PipeWriter.Create(archive, new(leaveOpen: true));
        await cluster.Client().BackupAsync("full", writer, TimeProvider.System, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        archive.Position = 0;

        var reply = await cluster
            .Client()
            .RestoreAsync(null, archive, TimeProvider.System, TestContext.Current.CancellationToken);
        Assert.Equal(RestoreOutcome.Conflict, reply.Outcome);
        Assert.Single(await List("full"));
    }

    private async Task Write(string keyspace, int writer, ConcurrentQueue<Acknowledged> history, CancellationToken stop)
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var key = $"w{writer}-{i % 150}";
            var delete = i % 7 == 0 && i > 150;
            var outcome = delete
                ? (await cluster.Client().DeleteAsync(keyspace, key, cancellationToken: CancellationToken.None)).Outcome
                : (
                    await cluster.Client().PutAsync(keyspace, key, $"{i}", cancellationToken: CancellationToken.None)
                ).Outcome;
            Assert.Equal(OutcomeKind.Ok, outcome.Kind);
            history.Enqueue(new(key, delete ? null : $"{i}", outcome.Version.Revision));
        }
    }

    private async Task Put(string keyspace, string key, string value, long ttlMs)
    {
        var result = await cluster
            .Client()
            .ExecuteAsync(
                keyspace,
                new()
                {
                    Kind = OperationKind.Put,
                    Key = Encoding.UTF8.GetBytes(key),
                    Value = Encoding.UTF8.GetBytes(value),
                    ContentType = "text/x-test",
                    TtlMs = ttlMs,
                },
                TestContext.Current.CancellationToken
            );
        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
    }

    /// <summary>Everything but versions; lifetimes to the minute, for a restore gives what is left of them anew.</summary>
    private async Task<List<string>> List(string keyspace)
    {
        var page = await cluster
            .Client()
            .ScanAsync(keyspace, new() { EntriesMax = Limits.PageEntriesMax }, TestContext.Current.CancellationToken);
        Assert.Equal((OutcomeKind.Ok, false), (page.Kind, page.More));
        return
        [
            .. page.Entries.Select(one =>
                $"{Text(one.Key)}={Text(one.Entry.Value)} {one.Entry.ContentType} {(one.Entry.ExpiresMs + 30_000) / 60_000 / 5}"
            ),
        ];
    }

    private PinnedSnapshots PinnedOn(string node) =>
        cluster.Nodes.ServicesOf(node).GetRequiredService<NodeLifecycle>().Host.Services.Pinned;

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
