using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class NetworkTests : IAsyncLifetime
{
    private ProductCluster cluster = null!;

    public async ValueTask InitializeAsync() => cluster = await ProductCluster.Start(3);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    [Trait("Scenario", "network_manager_initialization")]
    public async Task A_node_answers_to_its_id_from_every_other_node()
    {
        foreach (var from in cluster.Nodes.Nodes)
        {
            foreach (var to in cluster.Nodes.Nodes)
            {
                Assert.Empty(await NodeGrain(from, to).Replicas(keyspaceId: 4_711));
            }
        }
    }

    [Fact]
    [Trait("Scenario", "network_manager_register_handlers")]
    public async Task Each_kind_of_message_reaches_its_handler_and_an_unknown_one_is_refused_by_name()
    {
        var map = await cluster.Create("one", new() { Shards = 1 });
        var onN2 = map.Shards[0].Replicas.Single(replica => replica.Node == "n2");

        var reply = await NodeGrain("n1", "n2")
            .Deliver(
                Batch(
                    NodePresence.Beat,
                    Message(onN2.ReplicaId, PeerMessageKind.Rest),
                    Message(onN2.ReplicaId, (PeerMessageKind)99),
                    Message(123_456, PeerMessageKind.Raft)
                )
            );

        Assert.Equal((2, 1, 0), (reply.Accepted, reply.NoSuchReplica, reply.Dropped));
        Assert.Equal("message kind 99", Assert.Single(reply.Refused));
    }

    [Fact]
    [Trait("Scenario", "network_manager_send_rpc")]
    public async Task Many_messages_to_one_node_travel_in_few_batches()
    {
        var transport = Host("n1").Services.Peers;
        var (batches, messages) = (transport.Batches, transport.Messages);
        for (var i = 0; i < 5_000; i++)
        {
            transport.Send("n2", NodePresence.Beat);
        }

        await Eventually.Holds(() => transport.Messages >= messages + 5_000, "All messages have left.");
        Assert.True(transport.Batches - batches < 500, $"{transport.Batches - batches} batches");
        Assert.Equal(0, transport.Lost);
    }

    [Fact]
    [Trait("Scenario", "network_manager_handle_incoming_message")]
    public async Task Malformed_and_foreign_messages_harm_nobody()
    {
        var map = await cluster.Create("one", new() { Shards = 1 });
        var client = cluster.Client();
        var onN2 = map.Shards[0].Replicas.Single(replica => replica.Node == "n2");
        var garbage = Enumerable
            .Range(0, 64)
            .Select(i => new PeerMessage
            {
                ToReplicaId = onN2.ReplicaId,
                FromReplicaId = i % 2 == 0 ? map.Shards[0].Replicas[0].ReplicaId : 999,
                Kind = (PeerMessageKind)(1 + (i % 4)),
                Payload = Enumerable.Range(0, i).Select(b => (byte)(b * 7)).ToArray(),
            })
            .ToArray();

        var deliveries = Enumerable
            .Range(0, 20)
            .Select(_ => NodeGrain("n3", "n2").Deliver(Batch(garbage)).AsTask())
            .ToList();
        var writes = Enumerable.Range(0, 50).Select(i => client.PutAsync("one", $"k{i}", "v").AsTask()).ToList();

        await Task.WhenAll(deliveries);
        Assert.All(await Task.WhenAll(writes), result => Assert.Equal(Operations.OutcomeKind.Ok, result.Outcome.Kind));
        var statuses = await NodeGrain("n1", "n2").Replicas(map.KeyspaceId);
        Assert.Equal("", Assert.Single(statuses).Problem);
    }

    [Fact]
    [Trait("Scenario", "network_manager_timeout_handling")]
    public async Task A_call_to_a_stopped_node_fails_typed_and_messages_to_it_are_counted_as_lost()
    {
        await cluster.Nodes.StopNode("n3");
        await cluster.Nodes.WaitForMembers();

        var failure = await Assert.ThrowsAsync<NodeAbsentException>(() => NodeGrain("n1", "n3").Replicas(1).AsTask());

        Assert.True(failure is INotSent);
        var transport = Host("n1").Services.Peers;
        var lost = transport.Lost;
        for (var i = 0; i < 1_000; i++)
        {
            transport.Send("n3", NodePresence.Beat);
        }
        Assert.True(transport.Lost >= lost + 1_000);
    }

    private INodeGrain NodeGrain(string from, string to) =>
        cluster.Nodes.GrainsOf(from).GetGrain<INodeGrain>(NodeKey.Of(to));

    private NodeHost Host(string node) => cluster.Nodes.ServicesOf(node).GetRequiredService<NodeHost>();

    private static PeerBatch Batch(params PeerMessage[] messages) => PeerBatch.Of("n1", 1, messages);

    private static PeerMessage Message(long to, PeerMessageKind kind) =>
        new()
        {
            ToReplicaId = to,
            FromReplicaId = 1,
            Kind = kind,
            Payload = new byte[16],
        };
}
