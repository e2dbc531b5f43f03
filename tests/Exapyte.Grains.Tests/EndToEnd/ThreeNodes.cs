using Exapyte.Client;
using Exapyte.Grains.Nodes;
using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Three nodes with a keyspace of each kind, shared by tests that leave them as they are.</summary>
public sealed class ThreeNodes : IAsyncLifetime
{
    /// <summary>
    /// No node ever fails here, and one that only waits for a processor is not to be voted out of its lead: what is refused
    /// is refused without reason.
    /// </summary>
    private static readonly ReplicaOptions Calm = new() { ElectionTicks = 50 };

    public ProductCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Cluster = await ProductCluster.Start(
            3,
            silo =>
            {
                silo.Services.AddSingleton(Options.Create(Calm));
                silo.Configure<ExapyteClientOptions>(options =>
                {
                    // One that is only slow must not be passed over for another, which in an async keyspace need not have
                    // what was written to the first one yet.
                    options.AttemptTimeout = TimeSpan.FromSeconds(10);
                    options.OperationTimeout = TimeSpan.FromSeconds(30);
                });
            }
        );
        foreach (var kind in Enum.GetValues<ReplicationKind>())
        {
            await Cluster.Create(Name(kind), new() { Replication = kind, Shards = 4 });
        }
    }

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();

    public static string Name(ReplicationKind kind) => kind.ToString().ToLowerInvariant();
}
