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
using SnapshotPart = Exapyte.Client.SnapshotPart;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class BackupTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    /// <summary>Few enough for each to be written twice while the machine is busy with other things.</summary>
    private const int KeysPerWriter = 60;

    private readonly ProductCluster cluster = nodes.Cluster;

    private readonly record struct Acknowledged(string Key, string? Value, ulong Revision);

    [Fact]
    public async Task While_writes_go_on_each_shard_is_read_at_exactly_one_revision()
    {
        var map = await cluster.Create("busy", new() { Shards = 4 });
        ConcurrentQueue<Acknowledged> history = [];
        using var stop = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 3).Select(writer => Write("busy", writer, history, stop.Token)).ToArray();
        await Eventually.Holds(
            () => history.Count > 3 * 2 * KeysPerWriter,
            "Keys were written, deleted, and written anew."
        );

        var before = history.Count;
        List<SnapshotPart> parts = [];
        await Eventually.Holds(
            async () => (parts = await ReadAll("busy")).TrueForAll(part => part.Kind == OutcomeKind.Ok),
            "All shards can be read."
        );
        var revisions = parts
            .Where(part => part.Revision > 0)
            .GroupBy(part => part.Shard)
            .ToDictionary(shard => shard.Key, shard => Assert.Single(shard.Select(part => part.Revision).Distinct()));
        var read = parts
            .SelectMany(part => part.Entries)
            .Select(entry => KeyValuePair.Create(Text(entry.Key), (Text(entry.Value), entry.Version.Revision)));
        await Eventually.Holds(() => history.Count > before + 100, "Writes went on.");
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
        await Eventually.Holds(
            () => cluster.Nodes.Nodes.All(node => PinnedOn(node).Count == 0),
            "Nothing that was read is kept any longer; what a reader did not wait for, not for long.",
            PinnedSnapshots.RestMax + TimeSpan.FromSeconds(30)
        );
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
        await Put(from, "lives longer than a lifetime may be", "by its moment", 0, expiresAtMs: 2_840_140_800_001);
        Assert.Equal(OutcomeKind.Ok, (await cluster.Client().DeleteAsync(from, "k7")).Outcome.Kind);
        foreach (var node in cluster.Nodes.Nodes)
        {
            // The backup of an async keyspace reads one replica of each shard, whichever answers.
            await Eventually.Holds(async () => (await List(from, node)).Count == 302, $"{node} lists every entry.");
        }

        using var archive = new MemoryStream();
        var writer = PipeWriter.Create(archive, new(leaveOpen: true));
        var backup = await client.BackupAsync(from, writer, TimeProvider.System, TestContext.Current.CancellationToken);
        await writer.CompleteAsync();
        archive.Position = 0;
        var restore = await cluster
            .Client("n3")
            .RestoreAsync(to, archive, TimeProvider.System, TestContext.Current.CancellationToken);

        Assert.Equal((OutcomeKind.Ok, 302L), (backup.Kind, backup.Entries));
        Assert.Equal(
            (RestoreOutcome.Restored, null, true, 302L),
            (restore.Outcome, restore.Detail, restore.Created, restore.Entries)
        );
        Assert.Equal(
            3,
            (await client.GetKeyspaceAsync(to, TestContext.Current.CancellationToken)).Map!.Settings.Shards
        );
        List<(string Entry, long ExpiresMs)> old = await List(from);
        List<(string Entry, long ExpiresMs)> restored = [];
        await Eventually.Holds(
            async () =>
                (restored = await List(to)).Select(one => one.Entry).SequenceEqual(old.Select(one => one.Entry)),
            "Both keyspaces list the same; an async one once it has converged."
        );
        Assert.Equal(old, restored);
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
        var client = cluster.Client();
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var key = $"w{writer}-{i % KeysPerWriter}";
            var delete = i % 7 == 0 && i > KeysPerWriter;
            var outcome = delete
                ? (await client.DeleteAsync(keyspace, key, cancellationToken: CancellationToken.None)).Outcome
                : (await client.PutAsync(keyspace, key, $"{i}", cancellationToken: CancellationToken.None)).Outcome;
            Assert.Equal(OutcomeKind.Ok, outcome.Kind);
            history.Enqueue(new(key, delete ? null : $"{i}", outcome.Version.Revision));
        }
    }

    private async Task Put(string keyspace, string key, string value, long ttlMs, long expiresAtMs = 0)
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
                    ExpiresAtMs = expiresAtMs,
                },
                TestContext.Current.CancellationToken
            );
        Assert.Equal(OutcomeKind.Ok, result.Outcome.Kind);
    }

    private async Task<List<SnapshotPart>> ReadAll(string keyspace)
    {
        List<SnapshotPart> parts = [];
        await foreach (
            var part in cluster.Client("n2").ReadSnapshotAsync(keyspace, TestContext.Current.CancellationToken)
        )
        {
            parts.Add(part);
        }
        return parts;
    }

    /// <summary>Everything but versions.</summary>
    private async Task<List<(string Entry, long ExpiresMs)>> List(string keyspace, string node = "n1")
    {
        var page = await cluster
            .Client(node)
            .ScanAsync(keyspace, new() { EntriesMax = Limits.PageEntriesMax }, TestContext.Current.CancellationToken);
        Assert.Equal((OutcomeKind.Ok, false), (page.Kind, page.More));
        return
        [
            .. page.Entries.Select(one =>
                ($"{Text(one.Key)}={Text(one.Entry.Value)} {one.Entry.ContentType}", one.Entry.ExpiresMs)
            ),
        ];
    }

    private PinnedSnapshots PinnedOn(string node) =>
        cluster.Nodes.ServicesOf(node).GetRequiredService<NodeLifecycle>().Host.Services.Pinned;

    private static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
