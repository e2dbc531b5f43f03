using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.EndToEnd;

public sealed class ChangesUnderFaultsTests
{
    [Fact]
    public async Task No_acknowledged_change_is_missing_and_none_comes_twice_while_nodes_are_killed_and_come_back()
    {
        await using var cluster = await ProductCluster.Start(
            3,
            silo => silo.Services.AddSingleton(Options.Create(CatchUpTests.Forgetful))
        );
        await cluster.Create("watched", new KeyspaceSettings { Shards = 2 });
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var client = cluster.Patient("n1");
        var watch = new WatchRecord(cluster.Client("n1").WatchAsync("watched", new(), end.Token));
        await watch.Started.Task;
        List<string> written = [];
        foreach (var node in (string[])["n2", "n3", "n2"])
        {
            await Write(20);
            var started = cluster.Nodes.Node(node);
            await cluster.Nodes.KillNode(node);
            await Write(40);
            await cluster.Nodes.StartNode(started);
            await cluster.Nodes.WaitForMembers();
            await Write(20);
        }

        await Eventually.Holds(
            () => watch.Ended is not null || watch.Texts.Distinct().Count() >= written.Count,
            "The watcher has heard of each write.",
            TimeSpan.FromSeconds(60)
        );
        Assert.Null(watch.Ended);
        Assert.Equal(written.Order(), watch.Texts.Order());
        Assert.Equal(watch.Parts.Length, watch.Parts.Select(part => part.Token!.ToString()).Distinct().Count());
        await end.CancelAsync();

        async Task Write(int entries)
        {
            for (var i = 0; i < entries; i++)
            {
                var key = $"k{written.Count}";
                Assert.Equal(OutcomeKind.Ok, (await client.PutAsync("watched", key, "x")).Outcome.Kind);
                written.Add($"Put {key}");
            }
        }
    }
}
