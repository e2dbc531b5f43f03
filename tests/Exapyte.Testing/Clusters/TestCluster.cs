using System.Collections.Concurrent;
using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Hosting;
using Exapyte.Grains.Placement;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Exapyte.Testing.Clusters;

/// <summary>
/// Named nodes in one process, each with a data folder of its own, on one <see cref="ControlDatabase"/>. Nodes can be
/// stopped, killed and started again under their names.
/// </summary>
/// <remarks>
/// A kill here ends the silo without goodbye, yet within this process; only a real process proves a real kill.
/// </remarks>
public sealed class TestCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster cluster;
    private readonly Action<TestNode, ISiloBuilder> configure;
    private readonly ConcurrentDictionary<string, Running> running = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, (int Silo, int Gateway)> ports = new(StringComparer.Ordinal);
    private readonly string folder = Directory.CreateTempSubdirectory("exapyte-cluster-").FullName;

    private TestCluster(Action<TestNode, ISiloBuilder> configure)
    {
        this.configure = configure;
        var builder = new InProcessTestClusterBuilder(0);
        builder.Options.ConfigureFileLogging = false;
        builder.Options.InitializeClientOnDeploy = false;
        builder.ConfigureSilo((options, silo) => Configure(Starting.Value!, silo));
        cluster = builder.Build();
    }

    /// <summary>The control plane's database.</summary>
    public ControlDatabase Database { get; } = new();

    /// <summary>The nodes that run.</summary>
    public IReadOnlyCollection<string> Nodes => [.. running.Keys.Order(StringComparer.Ordinal)];

    // The delegate that configures a silo is the cluster's; which node it configures flows to it by the call.
    private AsyncLocal<TestNode?> Starting { get; } = new();

    /// <summary>Starts a cluster of the nodes, one after another.</summary>
    /// <param name="nodes">The nodes.</param>
    /// <param name="configure">What each silo has besides pinned placement and the control plane.</param>
    public static async Task<TestCluster> Start(
        IEnumerable<TestNode> nodes,
        Action<TestNode, ISiloBuilder>? configure = null
    )
    {
        var started = new TestCluster(configure ?? ((_, _) => { }));
        try
        {
            foreach (var node in nodes)
            {
                await started.StartNode(node);
            }
            await started.WaitForMembers();
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts a node, where one of its id ran before on the same port. Throws what its start throws.</summary>
    /// <param name="node">The node.</param>
    /// <param name="besides">Let a node of the same id run on; the new one gets a port of its own.</param>
    public async Task StartNode(TestNode node, bool besides = false)
    {
        Starting.Value = node;
        var (siloPort, gatewayPort) = besides
            ? cluster.PortAllocator.AllocateConsecutivePortPairs(1)
            : ports.GetOrAdd(node.Id, _ => cluster.PortAllocator.AllocateConsecutivePortPairs(1));
        var handle = await cluster.CreateSiloAsync(
            new InProcessTestSiloSpecificOptions
            {
                SiloName = node.Id,
                SiloPort = siloPort,
                GatewayPort = gatewayPort,
            }
        );
        if (!running.TryAdd(node.Id, new(node, handle)))
        {
            running.TryAdd($"{node.Id}#{handle.SiloAddress.Generation}", new(node, handle));
        }
    }

    /// <summary>Stops a node in good order.</summary>
    public Task StopNode(string node) => End(node, gracefully: true);

    /// <summary>Ends a node without goodbye.</summary>
    public Task KillNode(string node) => End(node, gracefully: false);

    /// <summary>The node as it was started.</summary>
    public TestNode Node(string node) => running[node].Node;

    /// <summary>A running node's services.</summary>
    public IServiceProvider ServicesOf(string node) => running[node].Silo.ServiceProvider;

    /// <summary>Grains as a running node calls them.</summary>
    public IGrainFactory GrainsOf(string node) => ServicesOf(node).GetRequiredService<IGrainFactory>();

    /// <summary>A node's data folder.</summary>
    public string DataFolderOf(string node) => Path.Combine(folder, node);

    /// <summary>How a running node turns grain state into bytes.</summary>
    public IGrainStorageSerializer Serializer(string node) =>
        ServicesOf(node).GetRequiredService<IGrainStorageSerializer>();

    /// <summary>The running node that hosts the grain's activation; null where none does.</summary>
    public async Task<string?> HostOf(IAddressable grain)
    {
        var asking = GrainsOf(Nodes.First()).GetGrain<IManagementGrain>(0);
        // Each silo's own list: a directory answers from its cache, also where the activation has long gone.
        var active = await asking.GetDetailedGrainStatistics();
        var host = Array.Find(active, one => one.GrainId == grain.GetGrainId())?.SiloAddress;
        return running.Values.FirstOrDefault(one => one.Silo.SiloAddress.Equals(host))?.Node.Id;
    }

    /// <summary>Names of the members that a running node counts as active.</summary>
    public IReadOnlyCollection<string> ActiveNamesSeenBy(string node) =>
        [
            .. ServicesOf(node)
                .GetRequiredService<IClusterMembershipService>()
                .CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active)
                .Select(member => member.Name),
        ];

    /// <summary>Waits until every running node counts exactly the running ones as active.</summary>
    public Task WaitForMembers() =>
        Eventually.Holds(
            () =>
                running.Values.All(one =>
                    one.Silo.ServiceProvider.GetRequiredService<IClusterMembershipService>()
                        .CurrentSnapshot.Members.Values.Where(member => member.Status == SiloStatus.Active)
                        .Select(member => member.SiloAddress)
                        .ToHashSet()
                        .SetEquals(running.Values.Select(other => other.Silo.SiloAddress))
                ),
            "Every node counts the running nodes, and no other, as active."
        );

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var node in running.Keys)
        {
            await KillNode(node);
        }
        await cluster.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private async Task End(string node, bool gracefully)
    {
        if (running.TryRemove(node, out var one))
        {
            await one.Silo.StopSiloAsync(gracefully);
            await one.Silo.DisposeAsync();
        }
    }

    private void Configure(TestNode node, ISiloBuilder silo)
    {
        Directory.CreateDirectory(DataFolderOf(node.Id));
        silo.Services.AddKeyedSingleton<IGrainStorage>(
            ControlPlaneOptions.Storage,
            (services, _) => Database.For(services.GetRequiredService<IGrainStorageSerializer>())
        );
        silo.Configure<ExapyteNodeOptions>(options =>
        {
            options.Node = node.Id;
            options.StoreId = node.StoreId;
            options.Region = node.Region;
            options.Zone = node.Zone;
            options.DataFolder = DataFolderOf(node.Id);
        });
        // A node that ends here says so in the membership's table even when it is killed. Probes have nothing to find, and
        // must not take a node for dead that waits for a processor: all nodes share those of one machine.
        silo.Configure<ClusterMembershipOptions>(options => options.TableRefreshTimeout = TimeSpan.FromSeconds(1));
        // Tests say where replicas are to be; those that let them move say so.
        silo.Configure<ControlPlaneOptions>(options => options.AutoBalance = false);
        silo.AddPinnedPlacement().AddControlPlane();
        configure(node, silo);
    }

    private sealed record Running(TestNode Node, InProcessSiloHandle Silo);
}
