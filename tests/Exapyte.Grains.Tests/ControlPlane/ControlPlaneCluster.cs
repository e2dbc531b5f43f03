using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Hosting;
using Exapyte.Keyspaces;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Xunit;

namespace Exapyte.Grains.Tests.ControlPlane;

/// <summary>A cluster whose nodes register, and whose node grains record.</summary>
public sealed class ControlPlaneCluster(TestCluster nodes, NodeRecorder recorder) : IAsyncDisposable
{
    public static readonly TestNode[] Three =
    [
        new("n1", "north", "a"),
        new("n2", "north", "b"),
        new("n3", "north", "c"),
    ];

    public TestCluster Nodes => nodes;

    public NodeRecorder Recorder => recorder;

    public ControlDatabase Database => nodes.Database;

    public static async Task<ControlPlaneCluster> Start(params TestNode[] nodes)
    {
        var recorder = new NodeRecorder();
        return new(
            await TestCluster.Start(
                nodes,
                (_, silo) =>
                {
                    recorder.AddTo(silo);
                    silo.AddNodeRegistrar();
                    silo.Configure<ControlPlaneOptions>(options =>
                    {
                        options.RetryMin = TimeSpan.FromMilliseconds(50);
                        options.RetryMax = TimeSpan.FromMilliseconds(500);
                    });
                }
            ),
            recorder
        );
    }

    public IControlPlaneGrain ControlPlane(string from = "n1") => nodes.GrainsOf(from).GetGrain<IControlPlaneGrain>(0);

    public IKeyspaceGrain Keyspace(string name, string from = "n1") =>
        nodes.GrainsOf(from).GetGrain<IKeyspaceGrain>(name);

    public NodeRegistrar Registrar(string node) => nodes.ServicesOf(node).GetRequiredService<NodeRegistrar>();

    /// <summary>Waits until the node serves by that epoch of the keyspace.</summary>
    public Task WaitForMap(string node, KeyspaceMap map) =>
        Eventually.Holds(
            () =>
                recorder.LatestOf(node, map.Name) is { } latest
                && latest.KeyspaceId == map.KeyspaceId
                && latest.Epoch == map.Epoch,
            $"{node} has {map.Name} at epoch {map.Epoch}."
        );

    public ValueTask DisposeAsync() => nodes.DisposeAsync();
}

/// <summary>One cluster of three for the tests of a class that leave its nodes alone.</summary>
public sealed class ControlPlaneFixture : IAsyncLifetime
{
    public ControlPlaneCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await ControlPlaneCluster.Start(ControlPlaneCluster.Three);

    public ValueTask DisposeAsync() => Cluster.DisposeAsync();
}
