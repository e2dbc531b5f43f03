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

    /// <summary>
    /// Calls until it is answered. Right after a node has come or gone a call can fail in many ways, for it was sent where
    /// nobody is any more.
    /// </summary>
    public static async Task<T> Answered<T>(Func<Task<T>> call)
    {
        T answer = default!;
        await Eventually.Holds(
            async () =>
            {
                answer = await call();
                return true;
            },
            "The control plane answers."
        );
        return answer;
    }

    /// <summary>Puts until it is done, which under load is not always at once; the map.</summary>
    public async Task<KeyspaceMap> Put(string name, KeyspaceSettings settings)
    {
        KeyspaceReply reply = null!;
        await Eventually.Holds(
            async () =>
            {
                reply = await Keyspace(name, nodes.Nodes.First()).Put(settings);
                return reply.Outcome != KeyspaceOutcome.Unavailable;
            },
            $"{name} is put."
        );
        Assert.True(reply.Outcome is KeyspaceOutcome.Created or KeyspaceOutcome.Ok, $"{reply.Outcome}");
        return reply.Map!;
    }

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
