using System.Text;
using Exapyte.Client;
using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>Nodes with one keyspace whose replicas are compared and looked after in quick succession.</summary>
internal sealed class RepairCluster(ProductCluster cluster) : IAsyncDisposable
{
    public const string Keyspace = "k";

    public static readonly ReplicaOptions Eager = new()
    {
        CompareInterval = TimeSpan.FromMilliseconds(300),
        CompareAfterReturn = TimeSpan.FromMilliseconds(100),
        CompareAgeMin = TimeSpan.Zero,
        // Entries of tests are stamped in the first moments of 1970.
        TombstoneGrace = TimeSpan.FromDays(36_500),
    };

    public TestCluster Nodes => cluster.Nodes;

    public IExapyteClient Client(string node = "n1") => cluster.Client(node);

    public static async Task<RepairCluster> Start(
        int nodes,
        KeyspaceSettings settings,
        ReplicaOptions? options = null,
        TimeSpan? replaceAfter = null,
        Action<ISiloBuilder>? besides = null
    )
    {
        var cluster = await ProductCluster.Start(
            nodes,
            silo =>
            {
                besides?.Invoke(silo);
                silo.Services.AddSingleton(Options.Create(options ?? Eager));
                silo.Configure<ControlPlaneOptions>(control =>
                {
                    control.RetryMax = TimeSpan.FromSeconds(1);
                    control.WatchInterval = TimeSpan.FromMilliseconds(300);
                    control.ChangeWatchInterval = TimeSpan.FromMilliseconds(300);
                    control.ReplaceAfter = replaceAfter ?? TimeSpan.FromHours(1);
                });
            }
        );
        await cluster.Create(Keyspace, settings);
        return new(cluster);
    }

    /// <summary>The map, as the control plane has it.</summary>
    public async Task<KeyspaceMap> Map() =>
        (await Nodes.GrainsOf(Nodes.Nodes.First()).GetGrain<IKeyspaceGrain>(Keyspace).Get()).Map!;

    /// <summary>The map once all of its one shard's replicas count, on exactly these nodes.</summary>
    public async Task<KeyspaceMap> WaitForReplicasOn(params string[] nodes)
    {
        KeyspaceMap? map = null;
        await Eventually.Holds(
            async () =>
            {
                map = await Map();
                var shard = map.Shards.Single();
                return shard is { IsChanging: false, Lost: 0 }
                    && shard.Replicas.Select(replica => replica.Node).Order().SequenceEqual(nodes.Order());
            },
            $"Replicas on {string.Join(' ', nodes)} count.",
            TimeSpan.FromSeconds(60)
        );
        return map!;
    }

    /// <summary>Waits until a running node serves by the map.</summary>
    public Task WaitForMap(string node, long epoch) =>
        Eventually.Holds(() => HostOf(node).Maps.Find(Keyspace)?.Epoch >= epoch, $"{node} serves by epoch {epoch}.");

    public NodeHost HostOf(string node) => Nodes.ServicesOf(node).GetRequiredService<NodeHost>();

    /// <summary>The one hosted replica of a node.</summary>
    public LeaderlessReplica ReplicaOn(string node) => HostOf(node).Replicas.All.OfType<LeaderlessReplica>().Single();

    /// <summary>How a node's replica stands; null where it hosts none.</summary>
    public ReplicaStatus? StatusOn(string node) =>
        HostOf(node).Replicas.All.OfType<LeaderlessReplica>().SingleOrDefault()?.Status();

    /// <summary>A node's replica takes entries as from a peer: no other replica hears of them.</summary>
    public async Task Give(string node, params StampedEntry[] entries) =>
        Assert.Equal(
            OutcomeKind.Ok,
            (await ReplicaOn(node).Accept(new() { FromReplicaId = 0, Entries = entries })).Kind
        );

    /// <summary>
    /// Does something while no replicas are compared: the first comparison that begins later finds all of it. One that is
    /// under way when this is called is waited for.
    /// </summary>
    public async Task WhileNothingIsCompared(Func<Task> what)
    {
        var taken = new Stack<SemaphoreSlim>();
        try
        {
            foreach (var node in Nodes.Nodes.Select(node => HostOf(node).Services))
            {
                for (var place = 0; place < node.Options.ComparisonsMax; place++)
                {
                    await node.Comparing.Comparisons.WaitAsync(TestContext.Current.CancellationToken);
                    taken.Push(node.Comparing.Comparisons);
                }
            }
            await what();
        }
        finally
        {
            while (taken.TryPop(out var place))
            {
                place.Release();
            }
        }
    }

    /// <summary>What a node's replica holds, as it is.</summary>
    public string Held(string node, string key) =>
        ReplicaOn(node).ReadLocal(new() { Keys = [Entries.Bytes(key)], AsIs = true }).Entries.Single().Text();

    public async Task Put(string key, string value, string node = "n1") =>
        Assert.Equal(OutcomeKind.Ok, (await cluster.Patient(node).PutAsync(Keyspace, key, value)).Outcome.Kind);

    public async Task<string> Get(string key, string node = "n1")
    {
        var outcome = (await Client(node).GetAsync(Keyspace, key)).Outcome;
        return outcome.Kind == OutcomeKind.Ok ? Encoding.UTF8.GetString(outcome.Value.Span) : outcome.Kind.ToString();
    }

    /// <summary>Takes away everything that a node that does not run has stored.</summary>
    public void Wipe(string node) => Directory.Delete(Nodes.DataFolderOf(node), recursive: true);

    public ValueTask DisposeAsync() => cluster.DisposeAsync();
}
