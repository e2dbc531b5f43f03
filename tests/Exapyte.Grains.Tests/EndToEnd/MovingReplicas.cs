using System.Collections.Concurrent;
using System.Text;
using Exapyte.Client;
using Exapyte.Client.Administration;
using Exapyte.Grains.ControlPlane;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Testing.Clusters;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Keyspaces of each kind whose replicas move while they are written to, and what must be read afterwards.</summary>
internal static class MovingReplicas
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    public static readonly Dictionary<string, KeyspaceSettings> OfEachKind = new()
    {
        ["raft3"] = new() { Shards = 3, Replicas = 3 },
        ["raft1"] = new() { Shards = 4, Replicas = 1 },
        ["quorum3"] = Leaderless(ReplicationKind.Quorum, replicas: 3),
        ["quorum1"] = Leaderless(ReplicationKind.Quorum, replicas: 1) with { Shards = 4 },
        ["async2"] = Leaderless(ReplicationKind.Async, replicas: 2),
        ["memory3"] = Leaderless(ReplicationKind.Quorum, replicas: 3) with { Storage = StorageKind.Memory },
    };

    public static KeyspaceSettings Leaderless(ReplicationKind kind, int replicas) =>
        new()
        {
            Replication = kind,
            Shards = 2,
            Replicas = replicas,
        };

    public static Task<ProductCluster> StartAsync(int nodes, params string[] keyspaces) =>
        StartAsync(nodes, _ => { }, keyspaces);

    public static async Task<ProductCluster> StartAsync(
        int nodes,
        Action<ControlPlaneOptions> configure,
        params string[] keyspaces
    )
    {
        var cluster = await ProductCluster.Start(
            nodes,
            silo =>
                silo.Configure<ControlPlaneOptions>(control =>
                {
                    control.RetryMax = TimeSpan.FromSeconds(1);
                    control.WatchInterval = TimeSpan.FromMilliseconds(300);
                    control.ChangeWatchInterval = TimeSpan.FromMilliseconds(300);
                    control.ReplaceAfter = TimeSpan.FromHours(1);
                    configure(control);
                })
        );
        foreach (var name in keyspaces.Length == 0 ? [.. OfEachKind.Keys] : keyspaces)
        {
            await cluster.Create(name, OfEachKind[name]);
        }
        return cluster;
    }

    public static INodeAdministration NodesOf(ProductCluster cluster) =>
        cluster.Nodes.ServicesOf("n1").GetRequiredService<INodeAdministration>();

    /// <summary>Repeats a command until it is answered: right after a node has come or gone that may take a while.</summary>
    public static async Task<NodeReply> CommandAsync(Func<Task<NodeReply>> command)
    {
        NodeReply reply = null!;
        await Eventually.Holds(
            async () => (reply = await command()).Outcome != NodeOutcome.Unavailable,
            "The command is answered.",
            Patience
        );
        return reply;
    }

    public static async Task<NodeReport?> ReportOfAsync(ProductCluster cluster, string node) =>
        (await NodesOf(cluster).ReportAsync())?.Nodes.FirstOrDefault(one => one.Info.Registration.Node == node);

    public static Task WaitForStateAsync(ProductCluster cluster, string node, NodeState state) =>
        Eventually.Holds(
            async () => (await ReportOfAsync(cluster, node))?.State == state,
            $"{node} is {state}.",
            Patience
        );

    public static async Task<KeyspaceMap[]> MapsAsync(ProductCluster cluster) =>
        [
            .. (await Task.WhenAll(OfEachKind.Keys.Select(name => cluster.Client().GetKeyspaceAsync(name)))).Select(
                reply => reply.Map!
            ),
        ];

    /// <summary>Writes ever new keys through all nodes that stay; what is acknowledged is written down.</summary>
    public static async Task WriteAsync(
        ProductCluster cluster,
        string keyspace,
        ConcurrentDictionary<(string, string), string> written,
        CancellationToken stop
    )
    {
        for (var i = 0; !stop.IsCancellationRequested; i++)
        {
            var client = cluster.Client($"n{1 + (i % 3)}");
            var result = await client.PutAsync(keyspace, $"k{i}", $"v{i}", cancellationToken: CancellationToken.None);
            if (result.Outcome.Kind == OutcomeKind.Ok)
            {
                written[(keyspace, $"k{i}")] = $"v{i}";
            }
            await Task.Yield();
        }
    }

    public static Task WaitForWritesAsync(
        ConcurrentDictionary<(string Keyspace, string Key), string> written,
        int each
    ) =>
        Eventually.Holds(
            () => OfEachKind.Keys.All(name => written.Keys.Count(key => key.Keyspace == name) >= each),
            $"{each} writes of each keyspace are acknowledged.",
            Patience
        );

    public static async Task AssertReadableAsync(
        ProductCluster cluster,
        ConcurrentDictionary<(string Keyspace, string Key), string> written
    )
    {
        foreach (var ((keyspace, key), value) in written)
        {
            await Eventually.Holds(
                async () =>
                {
                    var outcome = (await cluster.Client().GetAsync(keyspace, key)).Outcome;
                    return outcome.Kind == OutcomeKind.Ok && Encoding.UTF8.GetString(outcome.Value.Span) == value;
                },
                $"{key} of {keyspace} is read.",
                Patience
            );
        }
    }
}
