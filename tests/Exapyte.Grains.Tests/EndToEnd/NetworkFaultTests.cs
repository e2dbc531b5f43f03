using System.Globalization;
using System.Text;
using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>What nodes tell each other comes late, twice, in another order, or not at all.</summary>
public sealed class NetworkFaultTests : IAsyncLifetime
{
    private const int Writers = 12;
    private const int WritesEach = 12;
    private const int CountsEach = 6;
    private const int CountTriesMax = 1_000;
    private const int Replayers = 4;
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly PeerMessages messages = new();
    private ProductCluster cluster = null!;

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() =>
        cluster = await ProductCluster.Start(
            3,
            silo =>
            {
                silo.AddIncomingGrainCallFilter(messages);
                silo.Configure<ExapyteClientOptions>(options => options.OperationTimeout = TimeSpan.FromSeconds(3));
            }
        );

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [Trait("Scenario", "network_manager_handle_incoming_message")]
    public async Task Valid_messages_that_come_again_late_and_out_of_order_are_each_handled_and_harm_nothing(
        ReplicationKind kind
    )
    {
        var map = await cluster.Create("one", new() { Replication = kind, Shards = 2 });
        messages.Reorders = true;
        using var stop = new CancellationTokenSource();
        var replayers = Enumerable.Range(0, Replayers).Select(seed => Replay(new Random(seed), stop.Token)).ToList();

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(Overwrite));
        var counted = kind == ReplicationKind.Raft ? await Task.WhenAll(Enumerable.Range(0, 3).Select(Count)) : [];
        await stop.CancelAsync();
        var replayed = (await Task.WhenAll(replayers)).Sum();
        messages.Reorders = false;

        Assert.InRange(replayed, 100, int.MaxValue);
        Assert.InRange(messages.Reordered, 20, long.MaxValue);
        foreach (var node in cluster.Nodes.Nodes)
        {
            var statuses = await cluster
                .Nodes.GrainsOf(node)
                .GetGrain<INodeGrain>(NodeKey.Of(node))
                .Replicas(map.KeyspaceId);
            Assert.Equal(2, statuses.Length);
            Assert.All(statuses, status => Assert.Equal("", status.Problem));
            for (var writer = 0; writer < Writers; writer++)
            {
                await Eventually.Holds(
                    async () => await Number(node, $"w{writer}", ConsistencyLevel.Eventual) == WritesEach,
                    $"{node} itself holds the last write of {writer}."
                );
            }
        }
        if (kind == ReplicationKind.Raft)
        {
            Assert.Equal(counted.Sum(), await Number("n1", "counter"));
        }
    }

    [Fact]
    [Trait("Scenario", "network_manager_timeout_handling")]
    public async Task Messages_to_a_node_that_takes_none_wait_up_to_a_bound_beyond_which_they_are_dropped_and_counted()
    {
        const int sent = 300;
        await cluster.Create("one", new() { Shards = 2 });
        var transport = cluster.Nodes.ServicesOf("n1").GetRequiredService<NodeHost>().Services.Peers;
        var large = new PeerMessage
        {
            ToReplicaId = 0,
            FromReplicaId = 0,
            Kind = PeerMessageKind.Beat,
            Payload = new byte[512 << 10],
        };

        var hold = messages.Hold("n3");
        var lost = transport.Lost;
        for (var i = 0; i < sent; i++)
        {
            transport.Send("n3", large);
        }
        var dropped = transport.Lost - lost;

        // 64 MiB wait, and four batches of 1 MiB are on their way; all the others are gone, and each was counted.
        Assert.InRange(dropped, sent - 136, sent - 100);
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient("n1").PutAsync("one", "a", "1")).Outcome.Kind);

        hold.SetResult();
        var delivered = transport.Messages + 100;
        await Eventually.Holds(
            () =>
            {
                transport.Send("n3", NodePresence.Beat);
                return transport.Messages >= delivered;
            },
            "What waited has left, and the way is free again."
        );
        // Nothing that waited was lost, and nothing is any more.
        lost = transport.Lost;
        transport.Send("n3", NodePresence.Beat);
        Assert.Equal(lost, transport.Lost);
        await Eventually.Holds(
            async () => await Number("n3", "a", ConsistencyLevel.Eventual) == 1,
            "n3 has caught up with what was lost."
        );
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [Trait("Scenario", "network_manager_timeout_handling")]
    public async Task A_call_that_nobody_answers_ends_at_its_deadline_with_a_typed_outcome_and_leaves_nothing_behind(
        ReplicationKind kind
    )
    {
        await cluster.Create("one", new() { Replication = kind, Shards = 2 });
        var client = cluster.Client();
        Assert.Equal(OutcomeKind.Ok, (await client.PutAsync("one", "a", "1")).Outcome.Kind);
        TaskCompletionSource[] holds = [messages.Hold("n1"), messages.Hold("n2"), messages.Hold("n3")];

        var writes = Enumerable.Range(0, 200).Select(i => client.PutAsync("one", $"k{i}", "2").AsTask()).ToList();
        var outcomes = await Task.WhenAll(writes).WaitAsync(Deadline, OfTest);

        Assert.All(
            outcomes,
            write =>
                Assert.Contains(
                    write.Outcome.Kind,
                    (OutcomeKind[])[OutcomeKind.Unknown, OutcomeKind.Unavailable, OutcomeKind.DeadlineExceeded]
                )
        );
        Assert.All(outcomes, write => Assert.NotEqual("", write.Outcome.Detail ?? ""));
        Assert.All(holds, hold => hold.SetResult());
        for (var i = 0; i < 200; i++)
        {
            var (key, outcome) = ($"k{i}", outcomes[i].Outcome);
            var found = (await cluster.Patient("n2").GetAsync("one", key)).Outcome.Kind;
            Assert.True(found == OutcomeKind.NotFound || outcome.InDoubt, $"{key}: {outcome.Kind}, then {found}");
        }
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient().PutAsync("one", "a", "3")).Outcome.Kind);
        Assert.Equal(3, await Number("n2", "a"));
    }

    /// <summary>Sends again what was sent, in any order and several at once.</summary>
    private async Task<int> Replay(Random random, CancellationToken stop)
    {
        var replayed = 0;
        while (!stop.IsCancellationRequested)
        {
            var kept = messages.Kept;
            if (kept.Count == 0)
            {
                await Task.Yield();
                continue;
            }
            var again = Enumerable.Range(0, 4).Select(_ => kept[random.Next(kept.Count)](cluster.Nodes.GrainsOf("n1")));
            await Task.WhenAll(again).WaitAsync(Deadline, CancellationToken.None);
            replayed += 4;
        }
        return replayed;
    }

    /// <summary>Raises a key of its own step by step; each step is seen through the next node as soon as it is acknowledged.</summary>
    private async Task Overwrite(int writer)
    {
        for (var number = 1; number <= WritesEach; number++)
        {
            var (here, there) = ($"n{(writer + number) % 3 + 1}", $"n{(writer + number + 1) % 3 + 1}");
            var put = await cluster.Patient(here).PutAsync("one", $"w{writer}", $"{number}", cancellationToken: OfTest);
            Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
            Assert.Equal(number, await Number(there, $"w{writer}"));
        }
    }

    /// <summary>Adds one to a counter that others add to as well, until so often that was acknowledged; returns how often.</summary>
    private async Task<int> Count(int writer)
    {
        var client = cluster.Patient($"n{writer % 3 + 1}");
        var counted = 0;
        for (var tries = 0; counted < CountsEach && tries < CountTriesMax; tries++)
        {
            var read = (await client.GetAsync("one", "counter", cancellationToken: OfTest)).Outcome;
            var next = read.Kind == OutcomeKind.NotFound ? 1 : Parse(read) + 1;
            var condition =
                read.Kind == OutcomeKind.NotFound ? WriteCondition.IfAbsent : WriteCondition.IfVersion(read.Version);
            var put = await client.PutAsync(
                "one",
                "counter",
                $"{next}",
                condition: condition,
                cancellationToken: OfTest
            );
            Assert.Contains(put.Outcome.Kind, (OutcomeKind[])[OutcomeKind.Ok, OutcomeKind.PreconditionFailed]);
            counted += put.Outcome.Kind == OutcomeKind.Ok ? 1 : 0;
        }
        Assert.Equal(CountsEach, counted);
        return counted;
    }

    private async Task<int> Number(string node, string key, ConsistencyLevel level = ConsistencyLevel.Default)
    {
        var read = (await cluster.Patient(node).GetAsync("one", key, level, OfTest)).Outcome;
        return read.Kind == OutcomeKind.Ok ? Parse(read) : 0;
    }

    private static int Parse(OperationOutcome outcome) =>
        int.Parse(Encoding.UTF8.GetString(outcome.Value.Span), CultureInfo.InvariantCulture);
}
