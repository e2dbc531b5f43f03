using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Client.Tests.Caching;

public sealed class CachedReadTests(ScriptedSilo silo) : IDisposable
{
    private readonly StoppedTime time = new();
    private readonly NodeNews news = new();
    private readonly ScriptedKeyspace keyspace = new(
        shards: 1,
        replicas: 1,
        new()
        {
            Cache = new() { EntriesMax = 100, TtlSeconds = 60 },
        }
    );

    public void Dispose() => time.Dispose();

    private ScriptedReplica Replica => keyspace[0, 0];

    [Fact]
    public async Task The_second_read_asks_no_replica_and_says_so()
    {
        await using var opened = Open();
        await opened.Put("k", "v");
        var calls = Replica.Calls;
        var first = await opened.Get("k", ConsistencyLevel.Eventual);
        var second = await opened.Get("k", ConsistencyLevel.Eventual);

        Assert.Equal(calls + 1, Replica.Calls);
        Assert.Equal((false, true), (first.Served.CacheHit, second.Served.CacheHit));
        Assert.Equal(("here", "v"), (second.Served.Node, Ops.Text(second.Outcome.Value)));
        Assert.Equal(first.Outcome.Version, second.Outcome.Version);
        var head = await opened.Run(Ops.Get("k", ConsistencyLevel.Session) with { Kind = OperationKind.Head });
        Assert.Equal((true, 0, 1), (head.Served.CacheHit, head.Outcome.Value.Length, head.Outcome.ValueBytes));
    }

    [Theory]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Default)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Linearizable)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Default)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Quorum)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.All)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Default)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Quorum)]
    public async Task Who_names_no_level_or_one_that_must_see_the_newest_always_asks_the_shard(
        ReplicationKind replication,
        ConsistencyLevel level
    )
    {
        var cached = new ScriptedKeyspace(1, 1, new() { Replication = replication, Cache = new() });
        await using var opened = Open(cached);
        await opened.Put("k", "v");
        await opened.Get("k", ConsistencyLevel.Eventual);
        Assert.True((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);

        var calls = cached[0, 0].Calls;
        Assert.False((await opened.Get("k", level)).Served.CacheHit);
        Assert.Equal(calls + 1, cached[0, 0].Calls);
    }

    [Fact]
    public async Task Without_the_setting_and_in_a_process_without_a_node_nothing_is_kept()
    {
        await using var plain = Open(new(1, 1));
        await plain.Put("k", "v");
        await plain.Get("k", ConsistencyLevel.Eventual);
        Assert.False((await plain.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);

        await using var outside = silo.OpenOutside(keyspace);
        await outside.Put("k", "v");
        await outside.Get("k", ConsistencyLevel.Eventual);
        Assert.False((await outside.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);
    }

    [Fact]
    public async Task Many_who_ask_for_a_key_at_once_cause_one_call()
    {
        await using var opened = Open();
        await opened.Put("k", "v");
        var calls = Replica.Calls;
        var gate = Replica.Hold();
        var reads = Enumerable.Range(0, 20).Select(_ => opened.Get("k", ConsistencyLevel.Eventual)).ToArray();
        await Ops.UntilAsync(() => Replica.Calls > calls);
        gate.SetResult();
        var results = await Task.WhenAll(reads);

        Assert.Equal(calls + 1, Replica.Calls);
        Assert.All(results, result => Assert.Equal("v", Ops.Text(result.Outcome.Value)));
        Assert.Single(results, result => !result.Served.CacheHit);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Who_wrote_never_sees_the_value_before_though_a_read_of_it_was_under_way(bool inBatch)
    {
        await using var opened = Open();
        await opened.Put("k", "old");
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var old = await opened.Get("k");
        Replica.Script = async batch =>
        {
            if (batch.Operations[0].Level != ConsistencyLevel.Eventual)
            {
                return null;
            }
            await gate.Task;
            return Replica.Reply(batch, old.Outcome);
        };
        var under = opened.Get("k", ConsistencyLevel.Eventual);
        if (inBatch)
        {
            await opened.Batch([Ops.Put("other"), Ops.Put("k", "new")]);
        }
        else
        {
            await opened.Put("k", "new");
        }
        gate.SetResult();
        Assert.Equal("old", Ops.Text((await under).Outcome.Value));
        Replica.Script = null;

        Assert.Equal("new", Ops.Text((await opened.Get("k", ConsistencyLevel.Eventual)).Outcome.Value));
    }

    [Fact]
    public async Task A_write_of_which_nobody_knows_and_a_delete_of_what_is_gone_drop_what_is_kept()
    {
        await using var opened = Open();
        await opened.Put("k", "old");
        await opened.Get("k", ConsistencyLevel.Eventual);
        Replica.First(batch => Replica.Reply(batch, OperationOutcome.Of(OutcomeKind.Unknown, "who knows")));
        Assert.Equal(OutcomeKind.Unknown, (await opened.Put("k", "new")).Outcome.Kind);
        Assert.False((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);

        Assert.True((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);
        Replica.First(batch => Replica.Reply(batch, new() { Kind = OutcomeKind.Ok }));
        await opened.Delete("k");
        Assert.False((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);
    }

    [Fact]
    public async Task Word_of_a_change_drops_what_is_kept_and_without_word_it_ends_with_its_lifetime()
    {
        await using var opened = Open();
        await using var elsewhere = silo.OpenOutside(keyspace);
        await opened.Put("k", "1");
        await opened.Get("k", ConsistencyLevel.Eventual);
        var second = await elsewhere.Put("k", "2");
        news.Changes.Tell(
            new()
            {
                KeyspaceId = keyspace.KeyspaceId,
                ShardId = keyspace.Map!.Shards[0].ShardId,
                Keys = [Ops.Bytes("k")],
                Versions = [second.Outcome.Version],
            }
        );
        Assert.Equal("2", Ops.Text((await opened.Get("k", ConsistencyLevel.Eventual)).Outcome.Value));

        // Word of this one is lost.
        await elsewhere.Put("k", "3");
        time.Advance(TimeSpan.FromSeconds(59));
        var kept = await opened.Get("k", ConsistencyLevel.Eventual);
        Assert.Equal(("2", true), (Ops.Text(kept.Outcome.Value), kept.Served.CacheHit));
        time.Advance(TimeSpan.FromSeconds(1));
        var healed = await opened.Get("k", ConsistencyLevel.Eventual);
        Assert.Equal(("3", false), (Ops.Text(healed.Outcome.Value), healed.Served.CacheHit));
    }

    [Fact]
    public async Task A_read_of_the_shard_that_finds_a_later_version_heals_what_was_kept()
    {
        await using var opened = Open();
        await using var elsewhere = silo.OpenOutside(keyspace);
        await opened.Put("k", "1");
        await opened.Get("k", ConsistencyLevel.Eventual);
        await elsewhere.Put("k", "2");

        Assert.Equal("2", Ops.Text((await opened.Get("k")).Outcome.Value));

        Assert.Equal("2", Ops.Text((await opened.Get("k", ConsistencyLevel.Eventual)).Outcome.Value));
        Assert.True((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);
        await elsewhere.Delete("k");

        Assert.Equal(OutcomeKind.NotFound, (await opened.Get("k")).Outcome.Kind);

        Assert.Equal(OutcomeKind.NotFound, (await opened.Get("k", ConsistencyLevel.Eventual)).Outcome.Kind);
    }

    [Fact]
    public async Task An_atomic_batch_that_was_refused_says_nothing_of_its_other_keys()
    {
        await using var opened = Open();
        await opened.Put("k", "v");
        await opened.Get("k", ConsistencyLevel.Eventual);
        Replica.First(batch => Replica.Reply(batch, new() { Kind = OutcomeKind.PreconditionFailed, DecidedBy = 1 }));
        await opened.Batch([Ops.Put("k", "w"), Ops.Put("other")], atomic: true);

        Assert.True((await opened.Get("k", ConsistencyLevel.Eventual)).Served.CacheHit);
    }

    [Fact]
    public async Task A_bounded_read_never_states_more_than_was_asked()
    {
        await using var opened = Open();
        await opened.Put("k", "v");
        Assert.Equal(0, (await Bounded(opened, 2_000)).Served.StalenessMs);
        time.Advance(TimeSpan.FromMilliseconds(1_500));

        var hit = await Bounded(opened, 2_000);
        Assert.Equal((true, 1_501L), (hit.Served.CacheHit, hit.Served.StalenessMs));
        var anew = await Bounded(opened, 1_500);
        Assert.Equal((false, 0L), (anew.Served.CacheHit, anew.Served.StalenessMs));
    }

    private static Task<OperationResult> Bounded(OpenedKeyspace opened, long staleMs) =>
        opened.Run(Ops.Get("k", ConsistencyLevel.Bounded) with { MaxStalenessMs = staleMs });

    private OpenedKeyspace Open(ScriptedKeyspace? other = null) =>
        new(
            new(
                silo.InsideGrains,
                insideSilo: true,
                ScriptedSilo.Patient(options => options.LocalNode = "here"),
                time.Provider,
                time,
                news
            ),
            (other ?? keyspace).Name,
            time
        );
}
