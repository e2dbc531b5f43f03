using System.Text;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>What is read through a node whose replica follows, and what it is told of that the leader's messages do not reach.</summary>
public sealed class FollowerReadTests : IAsyncLifetime
{
    private const string Keyspace = "one";
    private const int LongMs = 300_000;

    private readonly PeerMessages messages = new();
    private ProductCluster cluster = null!;
    private string leader = "";
    private string follower = "";

    public async ValueTask InitializeAsync()
    {
        cluster = await ProductCluster.Start(3, silo => silo.AddIncomingGrainCallFilter(messages));
        await cluster.Create(Keyspace, new() { Shards = 1 });
        await cluster.Patient().PutAsync(Keyspace, "a", "1");
        leader = (await Read("n1", ConsistencyLevel.Linearizable)).Served.Node;
        follower = cluster.Nodes.Nodes.First(node => node != leader);
        await Eventually.Holds(
            async () => await Text(follower, ConsistencyLevel.Eventual) == ("1", follower),
            "The follower has what was written."
        );
    }

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task A_session_sees_its_write_through_the_node_of_a_follower_that_lacks_it()
    {
        var session = cluster.Client().NewSession();
        var hold = messages.Hold(follower);
        await Put("2", session);

        // Without what the session has seen that replica answers with what it has.
        Assert.Equal(("1", follower), await Text(follower, ConsistencyLevel.Eventual));
        Assert.Equal(("1", follower), await Text(follower, ConsistencyLevel.Session));
        var (seen, node) = await Text(follower, ConsistencyLevel.Session, session);
        Assert.Equal("2", seen);
        Assert.NotEqual(follower, node);
        Assert.Equal("2", Encoding.UTF8.GetString((await List(follower, session)).Entries[0].Entry.Value.Span));

        hold.SetResult();
        await Eventually.Holds(
            async () => await Text(follower, ConsistencyLevel.Session, session) == ("2", follower),
            "Once it has the write it answers by itself."
        );
    }

    [Fact]
    public async Task What_a_session_has_read_it_does_not_read_older_through_another_node()
    {
        var session = cluster.Client().NewSession();
        var hold = messages.Hold(follower);
        await Put("2", session: null);

        Assert.Equal("2", (await Text(leader, ConsistencyLevel.Session, session)).Value);
        Assert.Equal("2", (await Text(follower, ConsistencyLevel.Session, session)).Value);
        hold.SetResult();
    }

    [Fact]
    public async Task A_bounded_read_is_answered_by_a_follower_with_its_age_and_never_older_than_asked()
    {
        await Eventually.Holds(
            async () =>
                await Read(follower, ConsistencyLevel.Bounded, maxMs: LongMs) is { Served: var served }
                && served.Node == follower
                && served.StalenessMs >= 0,
            "The follower has had a proof."
        );
        var hold = messages.Hold(follower);
        await Put("2", session: null);

        var old = await Read(follower, ConsistencyLevel.Bounded, maxMs: LongMs);
        Assert.Equal(("1", follower), (TextOf(old), old.Served.Node));
        Assert.InRange(old.Served.StalenessMs, 1, LongMs);
        var recent = await Read(follower, ConsistencyLevel.Bounded, maxMs: 1);
        Assert.Equal("2", TextOf(recent));
        Assert.InRange(recent.Served.StalenessMs, 0, 1);
        var page = await cluster
            .Client(follower)
            .ScanAsync(Keyspace, new() { Level = ConsistencyLevel.Bounded, MaxStalenessMs = 1 });
        Assert.Equal("2", Encoding.UTF8.GetString(page.Entries[0].Entry.Value.Span));
        hold.SetResult();
    }

    [Fact]
    public async Task A_linearizable_read_at_a_follower_sees_every_acknowledged_write_or_is_refused()
    {
        var put = "";
        for (var number = 2; number <= 20; number++)
        {
            put = $"{number}";
            await Put(put, session: null);
            await Eventually.Holds(
                async () =>
                {
                    var read = await AskFollower();
                    Assert.Contains(read.Kind, (OutcomeKind[])[OutcomeKind.Ok, OutcomeKind.NotLeader]);
                    Assert.True(read.Kind != OutcomeKind.Ok || Encoding.UTF8.GetString(read.Value.Span) == put);
                    return read.Kind == OutcomeKind.Ok;
                },
                "The follower has its leader's answer."
            );
        }
        var hold = messages.Hold(follower);
        await Put("21", session: null);
        Assert.NotEqual(OutcomeKind.Ok, (await AskFollower()).Kind);
        hold.SetResult();
    }

    private async Task<OperationOutcome> AskFollower()
    {
        var map = (await cluster.Client().GetKeyspaceAsync(Keyspace)).Map!;
        var replica = map.Shards[0].Replicas.Single(placed => placed.Node == follower);
        var key = new ReplicaKey(map.KeyspaceId, map.Shards[0].ShardId, replica.ReplicaId, follower);
        var reply = await cluster
            .Nodes.GrainsOf(follower)
            .GetGrain<IRaftGroupGrain>(key.ToString())
            .Execute(
                new()
                {
                    Operations =
                    [
                        new()
                        {
                            Kind = OperationKind.Get,
                            Key = "a"u8.ToArray(),
                            AtAnyMember = true,
                        },
                    ],
                    MapEpoch = map.Epoch,
                    TimeoutMs = 5_000,
                }
            );
        Assert.Equal(follower, reply.Node);
        return reply.Outcomes[0];
    }

    private async Task Put(string value, ClientSession? session)
    {
        var put = await cluster
            .Patient(leader)
            .ExecuteAsync(
                Keyspace,
                new()
                {
                    Kind = OperationKind.Put,
                    Key = "a"u8.ToArray(),
                    Value = Encoding.UTF8.GetBytes(value),
                },
                new CallOptions { Session = session }
            );
        Assert.Equal(OutcomeKind.Ok, put.Outcome.Kind);
    }

    private Task<OperationResult> Read(
        string node,
        ConsistencyLevel level,
        ClientSession? session = null,
        int maxMs = 0
    ) =>
        cluster
            .Patient(node)
            .ExecuteAsync(
                Keyspace,
                new()
                {
                    Kind = OperationKind.Get,
                    Key = "a"u8.ToArray(),
                    Level = level,
                    MaxStalenessMs = maxMs,
                },
                new CallOptions { Session = session }
            )
            .AsTask();

    private async Task<(string Value, string Node)> Text(
        string node,
        ConsistencyLevel level,
        ClientSession? session = null
    )
    {
        var read = await Read(node, level, session);
        return (TextOf(read), read.Served.Node);
    }

    private async Task<ScanPage> List(string node, ClientSession session) =>
        await cluster.Patient(node).ScanAsync(Keyspace, new() { Level = ConsistencyLevel.Session, Session = session });

    private static string TextOf(OperationResult read) => Encoding.UTF8.GetString(read.Outcome.Value.Span);
}
