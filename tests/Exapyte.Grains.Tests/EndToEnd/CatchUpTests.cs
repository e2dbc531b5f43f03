using System.Text;
using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class CatchUpTests
{
    /// <summary>The log forgets at once what the store holds, and waits for nobody.</summary>
    internal static readonly ReplicaOptions Forgetful = new()
    {
        CompactionInterval = TimeSpan.FromSeconds(1),
        LogBytesBeforeFlush = 0,
        LogEntriesKept = 8,
        LogEntriesHeldMax = 16,
    };

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_follower_that_was_away_until_the_log_was_compacted_past_it_catches_up_while_writes_go_on()
    {
        await using var cluster = await ProductCluster.Start(
            3,
            silo => silo.Services.AddSingleton(Options.Create(Forgetful))
        );
        var map = await cluster.Create("one", new() { Shards = 1 });
        var client = cluster.Patient();
        Assert.Equal(OutcomeKind.Ok, (await client.PutAsync("one", "first", "value")).Outcome.Kind);
        await cluster.Nodes.KillNode("n3");
        await cluster.Nodes.WaitForMembers();
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal(OutcomeKind.Ok, (await client.PutAsync("one", $"away{i}", $"{i}")).Outcome.Kind);
        }
        // On both, for either may lead when n3 is back.
        await Eventually.Holds(
            () => cluster.Nodes.Nodes.All(node => FirstIndexOn(cluster, node, map) > 100),
            "The logs have forgotten what n3 lacks."
        );

        await cluster.Nodes.StartNode(new("n3", "eu", "z3"));
        var written = 0;
        await Eventually.Holds(
            async () =>
            {
                await client.PutAsync("one", $"back{written++}", "x");
                return await AppliedOn(cluster, "n3", map) >= await AppliedOn(cluster, "n1", map);
            },
            "n3 has caught up while writes went on.",
            TimeSpan.FromSeconds(60)
        );

        Assert.True(FirstIndexOn(cluster, "n3", map) > 100, "It came by a snapshot, for the log no longer has it.");
        await cluster.Nodes.KillNode("n1");
        await cluster.Nodes.WaitForMembers();
        client = cluster.Patient("n3");
        Assert.Equal("value", Text((await client.GetAsync("one", "first")).Outcome));
        Assert.Equal("199", Text((await client.GetAsync("one", "away199")).Outcome));
        Assert.Equal("x", Text((await client.GetAsync("one", "back0")).Outcome));
    }

    private static ulong FirstIndexOn(ProductCluster cluster, string node, KeyspaceMap map)
    {
        var replica = map.Shards[0].Replicas.Single(placed => placed.Node == node).ReplicaId;
        return Host(cluster, node).Services.Log.OpenGroup(new GroupId((ulong)replica)).FirstIndex;
    }

    private static async Task<ulong> AppliedOn(ProductCluster cluster, string node, KeyspaceMap map)
    {
        var statuses = await cluster
            .Nodes.GrainsOf(node)
            .GetGrain<INodeGrain>(NodeKey.Of(node))
            .Replicas(map.KeyspaceId);
        // Right after its start the node may not host it yet.
        return statuses.SingleOrDefault()?.AppliedIndex ?? 0;
    }

    private static NodeHost Host(ProductCluster cluster, string node) =>
        cluster.Nodes.ServicesOf(node).GetRequiredService<NodeHost>();

    private static string Text(OperationOutcome outcome) => Encoding.UTF8.GetString(outcome.Value.Span);
}
