using System.Collections.Concurrent;
using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Clocks that differ, within the limit and beyond it, on whole nodes.</summary>
public sealed class WrongClockTests : IAsyncLifetime
{
    private const ulong Stranger = 77;

    private static readonly ReplicaOptions NeverCompared = RepairCluster.Eager with { CompareInterval = TimeSpan.Zero };

    private readonly ConcurrentDictionary<string, ShiftedTime> times = new(StringComparer.Ordinal);
    private RepairCluster cluster = null!;

    public async ValueTask InitializeAsync()
    {
        cluster = await RepairCluster.Start(
            3,
            new()
            {
                Replication = ReplicationKind.Quorum,
                Shards = 1,
                Replicas = 3,
            },
            NeverCompared,
            besides: silo =>
                silo.Services.AddSingleton<TimeProvider>(services =>
                    times.GetOrAdd(
                        services.GetRequiredService<IOptions<SiloOptions>>().Value.SiloName,
                        static _ => new(TimeProvider.System)
                    )
                )
        );
        await cluster.WaitForReplicasOn("n1", "n2", "n3");
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task A_write_that_met_a_greater_stamp_on_its_way_is_stamped_anew_before_it_is_acknowledged()
    {
        for (var i = 0; i < 20; i++)
        {
            var key = $"k{i}";
            // A client's first write, acknowledged by n1 and n2 with a clock 400 ms ahead: n3 does not know of it yet.
            var first = Put(key, Ahead(400), "first", Stranger);
            await cluster.Give("n1", first);
            await cluster.Give("n2", first);

            var second = await cluster.Client("n3").PutAsync(RepairCluster.Keyspace, key, "second");

            Assert.Equal(OutcomeKind.Ok, second.Outcome.Kind);
            Assert.True(second.Outcome.Version > first.Version, $"{second.Outcome.Version} over {first.Version}");
            Assert.Equal("second", await cluster.Get(key, "n2"));
        }
    }

    [Fact]
    public async Task An_entry_stamped_by_a_clock_an_hour_ahead_can_be_written_deleted_and_read_on_every_node()
    {
        var poison = Put("k", Ahead(3_600_000), "poison", Stranger);
        await cluster.Give("n1", poison);
        await cluster.Give("n2", poison);

        foreach (var node in (string[])["n3", "n1", "n2"])
        {
            await cluster.Put("k", $"by {node}", node);
            Assert.Equal($"by {node}", await cluster.Get("k", "n1"));
            Assert.Equal($"by {node}", await cluster.Get("k", "n3"));
        }
        var delete = await cluster.Client("n2").DeleteAsync(RepairCluster.Keyspace, "k");
        Assert.Equal((OutcomeKind.Ok, true), (delete.Outcome.Kind, delete.Outcome.Changed));
        Assert.Equal(nameof(OutcomeKind.NotFound), await cluster.Get("k", "n3"));

        // Other keys are stamped as ever: no clock has moved.
        var other = await cluster.Client("n2").PutAsync(RepairCluster.Keyspace, "other", "v");
        Assert.InRange((long)other.Outcome.Version.Revision, 0, (long)Ahead(5_000));
    }

    [Fact]
    public async Task Writes_at_the_same_time_over_a_stamp_too_far_ahead_all_get_versions_of_their_own()
    {
        await cluster.Give("n1", Put("k", Ahead(3_600_000), "poison", Stranger));
        var writes = await Task.WhenAll(
            Enumerable
                .Range(0, 60)
                .Select(i => cluster.Client($"n{1 + (i % 3)}").PutAsync(RepairCluster.Keyspace, "k", $"{i}").AsTask())
        );
        Assert.All(writes, write => Assert.Equal(OutcomeKind.Ok, write.Outcome.Kind));
        Assert.Equal(60, writes.Select(write => write.Outcome.Version).Distinct().Count());
        await Eventually.Holds(
            () =>
                cluster.Held("n1", "k") == cluster.Held("n2", "k")
                && cluster.Held("n2", "k") == cluster.Held("n3", "k"),
            "All hold the same."
        );
        var last = writes.MaxBy(write => write.Outcome.Version)!;
        Assert.EndsWith(
            $"@{last.Outcome.Version.Revision}.{last.Outcome.Version.Origin}",
            cluster.Held("n1", "k"),
            StringComparison.Ordinal
        );
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public async Task A_node_an_hour_off_says_so_stamps_nothing_hides_nothing_and_recovers_by_itself(int hours)
    {
        await Eventually.Holds(
            () => cluster.Nodes.Nodes.All(node => cluster.HostOf(node).Services.Clocks.Others == 2),
            "All have compared their clocks."
        );
        var put = await cluster
            .Client("n2")
            .ExecuteAsync(
                RepairCluster.Keyspace,
                new()
                {
                    Kind = OperationKind.Put,
                    Key = Bytes("lives ten minutes"),
                    Value = Bytes("v"),
                    TtlMs = 600_000,
                    Level = ConsistencyLevel.All,
                },
                TestContext.Current.CancellationToken
            );
        Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);

        times["n1"].Shift = TimeSpan.FromHours(hours);
        var refused = await PutThroughReplicaOf("n1");
        Assert.Equal(OutcomeKind.ClockWrong, refused.Kind);
        Assert.False(refused.InDoubt);
        await Eventually.Holds(
            () =>
                cluster
                    .HostOf("n1")
                    .Services.Health.Problems.Any(problem => problem.Contains("clock", StringComparison.Ordinal)),
            "It says so."
        );
        var read = cluster
            .ReplicaOn("n1")
            .Scan(
                new()
                {
                    Start = default,
                    EntriesMax = 10,
                    BytesMax = 1 << 20,
                    Level = ConsistencyLevel.One,
                    MapEpoch = 1,
                    TimeoutMs = 10_000,
                }
            );
        Assert.Contains((await read).Entries, entry => entry.Key.Span.SequenceEqual(Bytes("lives ten minutes")));
        // A client goes to another node by itself.
        Assert.Equal(
            OutcomeKind.Ok,
            (await cluster.Client("n1").PutAsync(RepairCluster.Keyspace, "k", "v")).Outcome.Kind
        );

        times["n1"].Shift = TimeSpan.Zero;
        Assert.Equal(OutcomeKind.Ok, (await PutThroughReplicaOf("n1")).Kind);
        await Eventually.Holds(() => cluster.HostOf("n1").Services.Health.Problems.Count == 0, "It is ready again.");
    }

    private async Task<OperationOutcome> PutThroughReplicaOf(string node)
    {
        var answer = await cluster
            .ReplicaOn(node)
            .Execute(
                new()
                {
                    Operations =
                    [
                        new()
                        {
                            Kind = OperationKind.Put,
                            Key = Bytes("through " + node),
                            Value = Bytes("v"),
                        },
                    ],
                    MapEpoch = (await cluster.Map()).Epoch,
                    TimeoutMs = 20_000,
                }
            );
        return answer.Outcomes.Single();
    }

    private static ulong Ahead(long milliseconds) =>
        HybridClock.FirstOf(DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() + milliseconds);
}
