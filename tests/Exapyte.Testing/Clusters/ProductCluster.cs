using Exapyte.Client;
using Exapyte.Grains.Hosting;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Exapyte.Testing.Clusters;

/// <summary>
/// The whole product on several nodes of one process: real log, real store, real grains, real client. Only the control
/// plane's database is the test's. Grain classes of test assemblies take no part.
/// </summary>
public sealed class ProductCluster : IAsyncDisposable
{
    private ProductCluster(TestCluster cluster) => Nodes = cluster;

    /// <summary>The nodes, to be stopped, killed and started.</summary>
    public TestCluster Nodes { get; }

    /// <summary>Starts nodes n1, n2, ... each in a zone of its own.</summary>
    public static async Task<ProductCluster> Start(int nodes, Action<ISiloBuilder>? besides = null) =>
        new(
            await TestCluster.Start(
                Enumerable.Range(1, nodes).Select(i => new TestNode($"n{i}", "eu", $"z{i}")),
                (node, silo) =>
                {
                    silo.AddExapyteNode(_ => { });
                    silo.Services.AddExapyteClient(options =>
                    {
                        options.LocalNode = node.Id;
                        options.Region = node.Region;
                    });
                    silo.Configure<GrainTypeOptions>(options =>
                        options.Classes.RemoveWhere(type =>
                            type.Assembly.GetName().Name!.EndsWith(".Tests", StringComparison.Ordinal)
                        )
                    );
                    besides?.Invoke(silo);
                }
            )
        );

    /// <summary>The client inside a running node.</summary>
    public IExapyteClient Client(string node = "n1") => Nodes.ServicesOf(node).GetRequiredService<IExapyteClient>();

    /// <summary>
    /// The same, for what must succeed in the end although nodes have just gone or come. Where nothing is broken
    /// <see cref="Client"/> is asked: there each refusal is a fault.
    /// </summary>
    public IExapyteClient Patient(string node = "n1") => new PatientClient(Client(node));

    /// <summary>Creates a keyspace, waits until every running node serves by its map, and returns that.</summary>
    public async Task<KeyspaceMap> Create(string name, KeyspaceSettings settings)
    {
        KeyspaceReply reply = null!;
        await Eventually.Holds(
            async () =>
            {
                reply = await Client(Nodes.Nodes.First()).PutKeyspaceAsync(name, settings);
                return reply.Outcome != KeyspaceOutcome.Unavailable;
            },
            $"Keyspace {name} is created."
        );
        if (reply.Outcome is not (KeyspaceOutcome.Created or KeyspaceOutcome.Ok))
        {
            throw new InvalidOperationException($"{reply.Outcome}: {string.Join(' ', reply.Reasons)}");
        }
        foreach (var node in Nodes.Nodes)
        {
            await Eventually.Holds(() => Serves(node, reply.Map!), $"{node} hosts what {name} has placed there.");
        }
        return reply.Map!;
    }

    private async Task<bool> Serves(string node, KeyspaceMap map)
    {
        var grain = Nodes.GrainsOf(node).GetGrain<INodeGrain>(NodeKey.Of(node));
        var serving = (await grain.Replicas(map.KeyspaceId)).Count(status => status.MapEpoch >= map.Epoch);
        return serving >= map.Shards.Count(shard => shard.Replicas.Any(replica => replica.Node == node));
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Nodes.DisposeAsync();
}
