using Exapyte.Client;
using Exapyte.Grains.Hosting;
using Exapyte.Keyspaces;
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
                    silo.AddExapyte(_ => { });
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

    /// <summary>Creates a keyspace and returns its map.</summary>
    public async Task<KeyspaceMap> Create(string name, KeyspaceSettings settings)
    {
        var reply = await Client(Nodes.Nodes.First()).PutKeyspaceAsync(name, settings);
        return reply.Outcome == KeyspaceOutcome.Created
            ? reply.Map!
            : throw new InvalidOperationException($"{reply.Outcome}: {string.Join(' ', reply.Reasons)}");
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => Nodes.DisposeAsync();
}
