using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Processes;
using Xunit;
using static Exapyte.Cluster.Tests.Clients.ConnectedClient;
using KeyspaceSettings = Exapyte.Testing.Processes.KeyspaceSettings;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>The client's connections: to some live node, past the loss of any, and to their end.</summary>
public sealed class ReconnectTests(ClusterTestEnvironment environment)
{
    [Fact]
    [Trait("Scenario", "client_connect")]
    [Trait("Scenario", "client_reconnect")]
    public async Task Any_live_node_is_enough_and_the_loss_of_each_in_turn_is_survived_without_a_new_client()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, "raft", replicas: 3);
        await cluster.KillAsync("n1");
        // Which node is asked first is drawn: one of so many begins with the dead one.
        for (var i = 0; i < 5; i++)
        {
            await using var another = await Application.ConnectAsync([cluster["n1"], cluster["n2"]]);
        }
        await using var application = await Application.ConnectAsync([cluster["n1"], cluster["n2"]]);
        var client = application.Client;
        await AllAreTakenAsync(client, cluster, "without-n1");
        await cluster.RestartAsync("n1");

        foreach (var victim in cluster.NodeIds.ToList())
        {
            await AllAreTakenAsync(client, cluster, $"before-{victim}");
            await cluster.KillAsync(victim);
            await AllAreTakenAsync(client, cluster, $"without-{victim}");
            await cluster.RestartAsync(victim);
        }
        foreach (var victim in cluster.NodeIds)
            await AllAreThereAsync(client, cluster, $"without-{victim}");
    }

    [Fact]
    [Trait("Scenario", "client_disconnect")]
    public async Task Disposal_waits_for_what_is_under_way_and_refuses_what_comes_later()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await Keyspaces.CreateAsync(cluster["n1"].Rest, "raft", replicas: 3);
        await using var application = await Application.ConnectAsync(cluster.Running);
        var client = application.Client;
        await AllAreTakenAsync(client, cluster, "warm");

        var running = Enumerable
            .Range(0, 500)
            .Select(i => client.PutAsync("raft", $"running-{i}", "1").AsTask())
            .ToList();
        await ((IAsyncDisposable)client).DisposeAsync();

        Assert.All(running, write => Assert.True(write.IsCompleted, "Disposal left a call behind."));
        var outcomes = await Task.WhenAll(running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.GetAsync("raft", "running-0").AsTask());
        await using var later = await Application.ConnectAsync(cluster.Running);
        for (var i = 0; i < outcomes.Length; i++)
        {
            Assert.Equal(OutcomeKind.Ok, outcomes[i].Outcome.Kind);
            Assert.Equal(OutcomeKind.Ok, (await later.Client.GetAsync("raft", $"running-{i}")).Outcome.Kind);
        }
    }

    /// <summary>Writes until each is acknowledged: right after a loss the cluster may elect, and say so.</summary>
    static async Task AllAreTakenAsync(IExapyteClient client, SiloCluster cluster, string prefix)
    {
        for (var i = 0; i < 40; i++)
        {
            OperationResult last = default;
            var put = new Operation
            {
                Kind = OperationKind.Put,
                Key = Bytes($"{prefix}-{i}"),
                Value = Bytes(prefix),
                RequestId = $"{prefix}-{i}",
            };
            await Poll.UntilAsync(
                $"{prefix}-{i} is taken",
                ClusterTestEnvironment.Deadline,
                async () => (last = await client.ExecuteAsync("raft", put)).Outcome.Kind == OutcomeKind.Ok,
                () => $"{last.Outcome?.Kind} {last.Outcome?.Detail}\n{cluster.Outputs()}"
            );
        }
        await AllAreThereAsync(client, cluster, prefix);
    }

    static async Task AllAreThereAsync(IExapyteClient client, SiloCluster cluster, string prefix)
    {
        for (var i = 0; i < 40; i++)
        {
            OperationResult last = default;
            await Poll.UntilAsync(
                $"a read of {prefix}-{i} is answered",
                ClusterTestEnvironment.Deadline,
                async () =>
                    (last = await client.GetAsync("raft", $"{prefix}-{i}")).Outcome.Kind
                        is OutcomeKind.Ok
                            or OutcomeKind.NotFound,
                () => $"{last.Outcome?.Kind} {last.Outcome?.Detail}\n{cluster.Outputs()}"
            );
            Assert.Equal((OutcomeKind.Ok, prefix), (last.Outcome.Kind, Text(last.Outcome.Value)));
        }
    }
}
