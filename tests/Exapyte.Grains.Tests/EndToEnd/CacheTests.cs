using System.Diagnostics.Metrics;
using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>
/// Keyspaces of one shard with one replica, so that a read of it is never behind: what is old can come from a cache only.
/// </summary>
public sealed class CacheTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static readonly KeyspaceCache ForLong = new() { EntriesMax = 1_000, TtlSeconds = 3_600 };

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Scenario", "data_plane_cache_initialization")]
    public async Task Nothing_is_kept_unless_the_keyspace_says_so_and_never_for_who_names_no_level()
    {
        var off = await Create("off", ReplicationKind.Raft, null);
        await Put(off.Holder, off.Name, "k", "v");
        await Get(off.Far, off.Name, "k");
        Assert.False((await Get(off.Far, off.Name, "k")).Served.CacheHit);

        var small = await Create("small", ReplicationKind.Raft, new() { EntriesMax = 10, TtlSeconds = 3_600 });
        for (var at = 0; at < 100; at++)
        {
            await Put(small.Holder, small.Name, $"k{at}", "v");
            await Get(small.Far, small.Name, $"k{at}");
        }
        await Get(small.Far, small.Name, "k99");
        Assert.False((await Get(small.Far, small.Name, "k99", ConsistencyLevel.Default)).Served.CacheHit);
        var hits = 0;
        for (var at = 0; at < 100; at++)
        {
            // Those that miss push others out.
            hits += (await Get(small.Far, small.Name, $"k{at}")).Served.CacheHit ? 1 : 0;
        }
        Assert.InRange(hits, 0, 20);

        await Change(small.Name, null);
        await Eventually.Holds(
            async () =>
                !(await Get(small.Far, small.Name, "k99")).Served.CacheHit
                && !(await Get(small.Far, small.Name, "k99")).Served.CacheHit,
            "A cache that was taken away keeps nothing."
        );
    }

    [Theory]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Eventual)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Session)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Bounded)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.One)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Session)]
    [Trait("Scenario", "data_plane_cache_hit")]
    public async Task The_second_read_touches_no_shard_and_says_so(ReplicationKind replication, ConsistencyLevel level)
    {
        var (name, holder, far, _) = await Create($"hit-{level}", replication, ForLong);
        await Put(holder, name, "k", "v");
        var session = new ClientSession();
        var first = await Get(far, name, "k", level, session);
        using var calls = new ReplicaCallsOf(nodes.Cluster.Nodes.ServicesOf(far));

        var second = await Get(far, name, "k", level, session);

        Assert.Equal(0, calls.Count);
        Assert.Equal((false, true), (first.Served.CacheHit, second.Served.CacheHit));
        Assert.Equal((far, "v"), (second.Served.Node, Text(second)));
        Assert.InRange(second.Served.StalenessMs, -1, 60_000);
        await Get(far, name, "k", ConsistencyLevel.Default);
        Assert.Equal(1, calls.Count);
    }

    [Fact]
    [Trait("Scenario", "data_plane_cache_expiration")]
    public async Task Nothing_is_served_past_its_lifetime_in_the_cache_or_its_own_end()
    {
        var (name, holder, far, _) = await Create("ttl", ReplicationKind.Raft, new() { TtlSeconds = 1 });
        await Put(holder, name, "k", "v");
        await Get(far, name, "k");
        await Eventually.Holds(
            async () => !(await Get(far, name, "k")).Served.CacheHit,
            "What was kept is fetched again once its second is over."
        );

        var (ends, endsHolder, endsFar, _) = await Create("ends", ReplicationKind.Raft, ForLong);
        await nodes
            .Cluster.Client(endsHolder)
            .PutAsync(ends, "k", "v", TimeSpan.FromSeconds(1), cancellationToken: OfTest);
        await Eventually.Holds(
            async () =>
            {
                var nowMs = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();
                var read = await Get(endsFar, ends, "k");
                Assert.False(read.Served.CacheHit && nowMs >= read.Outcome.ExpiresMs);
                return read.Outcome.Kind == OutcomeKind.NotFound;
            },
            "The entry ends though it was kept for longer."
        );
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    [Trait("Scenario", "data_plane_cache_invalidation")]
    public async Task The_writers_node_never_serves_the_value_before_though_others_read_it_all_the_while(
        ReplicationKind replication
    )
    {
        var (name, _, far, _) = await Create("own", replication, ForLong);
        var client = nodes.Cluster.Client(far);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(OfTest);
        var readers = Enumerable
            .Range(0, 4)
            .Select(_ =>
                Task.Run(
                    async () =>
                    {
                        while (!stop.IsCancellationRequested)
                        {
                            await Get(far, name, "k");
                        }
                    },
                    OfTest
                )
            )
            .ToArray();
        for (var at = 0; at < 150; at++)
        {
            switch (at % 3)
            {
                case 0:
                    await Put(far, name, "k", $"{at}");
                    break;
                case 1:
                    var batch = await client.ExecuteBatchAsync(name, [PutOf("k", $"{at}")], atomic: false, OfTest);
                    Assert.Equal(OutcomeKind.Ok, batch[0].Outcome.Kind);
                    break;
                default:
                    await client.DeleteAsync(name, "k", cancellationToken: OfTest);
                    await client.DeleteAsync(name, "k", cancellationToken: OfTest);
                    break;
            }
            var read = await Get(far, name, "k");
            Assert.Equal(at % 3 == 2 ? OutcomeKind.NotFound : OutcomeKind.Ok, read.Outcome.Kind);
            Assert.Equal(at % 3 == 2 ? "" : $"{at}", Text(read));
        }
        await stop.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    [Trait("Scenario", "data_plane_broadcast_invalidation")]
    public async Task Other_nodes_drop_what_they_keep_when_it_changes_anywhere(ReplicationKind replication)
    {
        var (name, holder, far, farther) = await Create("told", replication, ForLong);
        await Put(holder, name, "k", "0");
        foreach (var writer in new[] { farther, holder, far })
        {
            foreach (var node in new[] { holder, far, farther })
            {
                await Get(node, name, "k");
            }
            await Put(writer, name, "k", writer);
            foreach (var node in new[] { holder, far, farther })
            {
                await Eventually.Holds(
                    async () => Text(await Get(node, name, "k")) == writer,
                    $"{node} hears of what {writer} wrote."
                );
            }
        }
        await nodes.Cluster.Client(holder).DeleteAsync(name, "k", cancellationToken: OfTest);
        await Eventually.Holds(
            async () => (await Get(far, name, "k")).Outcome.Kind == OutcomeKind.NotFound,
            "A delete is heard of too."
        );
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    public async Task A_session_never_sees_less_than_it_has_written_or_read_elsewhere(ReplicationKind replication)
    {
        var (name, holder, far, farther) = await Create("session", replication, ForLong);
        await Put(holder, name, "k", "0");
        var session = new ClientSession();
        for (var at = 1; at < 40; at++)
        {
            // Kept there before, by somebody else.
            await Get(far, name, "k");
            var written = await nodes
                .Cluster.Client(farther)
                .ExecuteAsync(name, PutOf("k", $"{at}"), new CallOptions { Session = session }, OfTest);
            Assert.Equal(OutcomeKind.Ok, written.Outcome.Kind);
            Assert.Equal($"{at}", Text(await Get(far, name, "k", ConsistencyLevel.Session, session)));
        }
    }

    [Fact]
    public async Task A_keyspace_that_was_made_again_has_nothing_of_the_one_before()
    {
        var (name, holder, far, _) = await Create("again", ReplicationKind.Raft, ForLong);
        await Put(holder, name, "k", "before");
        await Get(far, name, "k");
        await nodes.Cluster.Client(far).DeleteKeyspaceAsync(name, OfTest);
        await Eventually.Holds(
            async () =>
                (await nodes.Cluster.Client(holder).GetKeyspaceAsync(name, OfTest)).Outcome == KeyspaceOutcome.NotFound,
            "The keyspace is gone."
        );
        await Create("again", ReplicationKind.Raft, ForLong);
        await Put(far, name, "k", "after");

        Assert.Equal("after", Text(await Get(far, name, "k")));
    }

    private sealed record Created(string Name, string Holder, string Far, string Farther);

    private async Task<Created> Create(string prefix, ReplicationKind replication, KeyspaceCache? cache)
    {
        var name = $"cache-{prefix}-{replication}".ToLowerInvariant();
        var map = await nodes.Cluster.Create(
            name,
            new()
            {
                Replication = replication,
                Replicas = 1,
                Shards = 1,
                Cache = cache,
            }
        );
        var holder = map.Shards[0].Replicas[0].Node;
        string[] others = [.. nodes.Cluster.Nodes.Nodes.Where(node => node != holder)];
        return new(name, holder, others[0], others[1]);
    }

    private async Task Change(string keyspace, KeyspaceCache? cache)
    {
        var client = nodes.Cluster.Client("n1");
        var settings = (await client.GetKeyspaceAsync(keyspace, OfTest)).Map!.Settings;
        var reply = await client.PutKeyspaceAsync(keyspace, settings with { Cache = cache }, OfTest);
        Assert.Equal(KeyspaceOutcome.Ok, reply.Outcome);
    }

    private async Task Put(string node, string keyspace, string key, string value)
    {
        var put = await nodes.Cluster.Patient(node).PutAsync(keyspace, key, value, cancellationToken: OfTest);
        Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
    }

    private async Task<OperationResult> Get(
        string node,
        string keyspace,
        string key,
        ConsistencyLevel level = ConsistencyLevel.Eventual,
        ClientSession? session = null
    )
    {
        var operation = new Operation
        {
            Kind = OperationKind.Get,
            Key = Encoding.UTF8.GetBytes(key),
            Level = level,
            MaxStalenessMs = level == ConsistencyLevel.Bounded ? 60_000 : 0,
        };
        var read = await nodes
            .Cluster.Patient(node)
            .ExecuteAsync(keyspace, operation, new CallOptions { Session = session }, OfTest);
        Assert.True(read.Outcome.Kind is OutcomeKind.Ok or OutcomeKind.NotFound, $"{read.Outcome.Kind}");
        return read;
    }

    private static Operation PutOf(string key, string value) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };

    private static string Text(OperationResult result) => Encoding.UTF8.GetString(result.Outcome.Value.Span);

    /// <summary>Counts the calls of a node's client to replicas.</summary>
    private sealed class ReplicaCallsOf : IDisposable
    {
        private readonly MeterListener listener;
        private int count;

        public ReplicaCallsOf(IServiceProvider node)
        {
            var factory = node.GetRequiredService<IMeterFactory>();
            listener = new()
            {
                InstrumentPublished = (instrument, self) =>
                {
                    if (instrument.Name == "exapyte.client.batch.operations" && instrument.Meter.Scope == factory)
                    {
                        self.EnableMeasurementEvents(instrument);
                    }
                },
            };
            listener.SetMeasurementEventCallback<int>((_, _, _, _) => Interlocked.Increment(ref count));
            listener.Start();
        }

        public int Count => Volatile.Read(ref count);

        public void Dispose() => listener.Dispose();
    }
}
