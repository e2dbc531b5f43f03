using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>What one operation asks for is nothing to another, and each sees what stands before it.</summary>
public sealed class LevelTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>, IDisposable
{
    private const string Replicate = nameof(IShardGrain.Replicate);
    private const string ReadLocal = nameof(IShardGrain.ReadLocal);

    private static int tests;
    private readonly string id = $"{Interlocked.Increment(ref tests)}/";

    public static TheoryData<string, ConsistencyLevel> KeyspacesAndLevels
    {
        get
        {
            var all = new TheoryData<string, ConsistencyLevel>();
            foreach (var keyspace in (string[])[Quorum, QuorumMemory, Async, AsyncMemory])
            {
                all.Add(keyspace, ConsistencyLevel.One);
                all.Add(keyspace, ConsistencyLevel.Quorum);
                all.Add(keyspace, ConsistencyLevel.All);
            }
            return all;
        }
    }

    public void Dispose() => nodes.Faults.Clear();

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    [Trait("Scenario", "sync_replicator_quorum_requirement")]
    public async Task Each_write_of_a_batch_has_its_own_acknowledgements_and_its_own_outcome(string keyspace)
    {
        nodes.Faults.Refuse("n2", Replicate);
        nodes.Faults.Refuse("n3", Replicate);

        var outcomes = await nodes.Run(
            keyspace,
            "n1",
            timeoutMs: 500,
            Put(id + "all", "v", ConsistencyLevel.All),
            Put(id + "one", "v", ConsistencyLevel.One),
            Put(id + "quorum", "v", ConsistencyLevel.Quorum)
        );

        Assert.Equal(
            [OutcomeKind.Unknown, OutcomeKind.Ok, OutcomeKind.Unknown],
            outcomes.Select(outcome => outcome.Kind)
        );
        Assert.All(outcomes, outcome => Assert.Equal(1, outcome.Acknowledged));
    }

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task Each_read_of_a_batch_asks_its_own_number_of_replicas(string keyspace)
    {
        await nodes.Give(keyspace, "n1", Entries.Put(id + "a", 1_000, "v"));
        nodes.Faults.Refuse("n3", ReadLocal);

        var outcomes = await nodes.Run(
            keyspace,
            "n1",
            timeoutMs: 5_000,
            Get(id + "a", ConsistencyLevel.All),
            Get(id + "a", ConsistencyLevel.One),
            Get(id + "a", ConsistencyLevel.Quorum)
        );

        Assert.Equal(["Unavailable", "v", "v"], outcomes.Select(Text));
    }

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task A_write_at_one_does_not_wait_for_the_replicas_that_another_caller_asks_for(string keyspace)
    {
        var client = nodes.Client();
        var gates = new[] { nodes.Faults.Hold("n2", Replicate), nodes.Faults.Hold("n3", Replicate) };
        var all = Enumerable
            .Range(0, 20)
            .Select(i => client.ExecuteAsync(keyspace, Put($"{id}{i}", "v", ConsistencyLevel.All)).AsTask())
            .ToArray();

        var one = await client.ExecuteAsync(keyspace, Put(id + "one", "v", ConsistencyLevel.One));

        Assert.Equal(OutcomeKind.Ok, one.Outcome.Kind);
        Assert.DoesNotContain(all, write => write.IsCompleted);
        Array.ForEach(gates, gate => gate.TrySetResult());
        Assert.All(
            await Task.WhenAll(all),
            write => Assert.Equal((OutcomeKind.Ok, 3), (write.Outcome.Kind, write.Outcome.Acknowledged))
        );
    }

    [Theory]
    [MemberData(nameof(KeyspacesAndLevels))]
    public async Task An_operation_sees_what_stands_before_it_in_the_batch_and_nothing_behind_it(
        string keyspace,
        ConsistencyLevel level
    )
    {
        var key = $"{id}{level}";
        var outcomes = await nodes.Run(
            keyspace,
            "n1",
            timeoutMs: 20_000,
            Get(key, level),
            Put(key, "1", level),
            Get(key, level),
            Put(key, "2", level),
            Put(key, "3", level),
            Get(key, level),
            Get(key, level),
            Delete(key, level),
            Get(key, level),
            Delete(key, level),
            Put(key, "4", level),
            Put(key, "5", level)
        );

        Assert.Equal(["NotFound", "", "1", "", "", "3", "3", "", "NotFound", "", "", ""], outcomes.Select(Text));
        var writes = outcomes.Where((_, i) => i is 1 or 3 or 4 or 7 or 9 or 10 or 11).ToArray();
        Assert.Equal([true, false, false, true, false, true, false], writes.Select(write => write.Changed));
        Assert.Equal(writes.Select(write => write.Version).Order(), writes.Select(write => write.Version));
        Assert.Equal(writes.Length, writes.Select(write => write.Version).Distinct().Count());
        Assert.Equal("5", Text((await nodes.Run(keyspace, "n1", 20_000, Get(key, level))).Single()));
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            await Testing.Clusters.Eventually.Holds(
                () => nodes.Held(keyspace, node, key).StartsWith("5@", StringComparison.Ordinal),
                $"{node} holds what was written last."
            );
        }
    }

    [Theory]
    [InlineData(Async)]
    [InlineData(AsyncMemory)]
    public async Task In_an_async_keyspace_quorum_means_a_majority_and_the_default_one(string keyspace)
    {
        await nodes.Give(keyspace, "n2", Entries.Put(id + "a", 1_000, "new"));
        await nodes.Give(keyspace, "n3", Entries.Put(id + "a", 1_000, "new"));

        var reads = await nodes.Run(
            keyspace,
            "n1",
            timeoutMs: 20_000,
            Get(id + "a"),
            Get(id + "a", ConsistencyLevel.Quorum)
        );
        nodes.Faults.Refuse("n2", Replicate);
        nodes.Faults.Refuse("n3", Replicate);
        var writes = await nodes.Run(
            keyspace,
            "n1",
            timeoutMs: 500,
            Put(id + "b", "v"),
            Put(id + "c", "v", ConsistencyLevel.Quorum)
        );

        Assert.Equal(["NotFound", "new"], reads.Select(Text));
        Assert.Equal([OutcomeKind.Ok, OutcomeKind.Unknown], writes.Select(write => write.Kind));
    }

    [Theory]
    [InlineData(Quorum, ConsistencyLevel.Default, ConsistencyLevel.Quorum, 0)]
    [InlineData(Quorum, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, 0)]
    [InlineData(QuorumMemory, ConsistencyLevel.All, ConsistencyLevel.All, 0)]
    [InlineData(Quorum, ConsistencyLevel.One, ConsistencyLevel.One, -1)]
    [InlineData(Quorum, ConsistencyLevel.Eventual, ConsistencyLevel.One, -1)]
    [InlineData(Async, ConsistencyLevel.Default, ConsistencyLevel.One, -1)]
    [InlineData(Async, ConsistencyLevel.Quorum, ConsistencyLevel.Quorum, -1)]
    [InlineData(AsyncMemory, ConsistencyLevel.All, ConsistencyLevel.All, 0)]
    public async Task What_an_answer_says_of_its_age_is_proven_or_left_out(
        string keyspace,
        ConsistencyLevel asked,
        ConsistencyLevel level,
        long stalenessMs
    )
    {
        var client = nodes.Client();
        var written = await client.ExecuteAsync(keyspace, Put(id + "a", "v", asked));
        var read = await client.ExecuteAsync(keyspace, Get(id + "a", asked));
        var absent = await client.ExecuteAsync(keyspace, Get(id + "none", asked));
        var listed = await client.ScanAsync(keyspace, new() { Prefix = Entries.Bytes(id), Level = asked });

        Assert.Equal(
            (OutcomeKind.Ok, level, -1),
            (written.Outcome.Kind, written.Served.Level, written.Served.StalenessMs)
        );
        Assert.Equal(
            (OutcomeKind.Ok, level, stalenessMs),
            (read.Outcome.Kind, read.Served.Level, read.Served.StalenessMs)
        );
        Assert.Equal((OutcomeKind.NotFound, stalenessMs), (absent.Outcome.Kind, absent.Served.StalenessMs));
        Assert.Equal((level, stalenessMs), (listed.Served.Level, listed.Served.StalenessMs));
    }
}
