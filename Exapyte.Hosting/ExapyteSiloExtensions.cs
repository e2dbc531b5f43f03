using Exapyte.Gateway;
using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Hosting;
using Exapyte.Grains.Nodes;
using Exapyte.Hosting;
using Exapyte.Hosting.Clustering;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Orleans.Hosting;

/// <summary>Makes a silo a durable node of Exapyte.</summary>
public static class ExapyteSiloExtensions
{
    /// <summary>
    /// Makes the silo a node: its name, ports and membership, the log and the store in the data folder, the control plane
    /// with its database, and the client on the silo's own grains. <c>MapExapyte</c> then serves REST.
    /// </summary>
    /// <param name="silo">The silo; the node sets up its clustering.</param>
    /// <param name="configure">Who the node is; called at once.</param>
    /// <exception cref="OptionsValidationException">The options are not acceptable; every reason is told.</exception>
    /// <remarks>Nothing is opened before the host starts. A data folder that is in use fails the start.</remarks>
    public static ISiloBuilder AddExapyte(this ISiloBuilder silo, Action<ExapyteOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(silo);
        ArgumentNullException.ThrowIfNull(configure);
        ExapyteOptions options = new();
        configure(options);
        OptionsCheck.Demand(options);
        return silo.AddExapyte(options);
    }

    /// <summary>
    /// The same with options that were judged before. A host that opened the data folder or the database itself adds them to
    /// the services first.
    /// </summary>
    internal static ISiloBuilder AddExapyte(this ISiloBuilder silo, ExapyteOptions options)
    {
        if (options.LimitNativeHeap)
        {
            NativeHeap.LimitArenas();
        }
        var services = silo.Services;
        services.AddSingleton<IOptions<ExapyteOptions>>(new OptionsWrapper<ExapyteOptions>(options));
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton(_ => ClusterDatabase.Create(options));
        silo.UseExapyteClustering(options);
        silo.AddExapyteNode(node =>
        {
            node.Node = options.Node;
            node.Region = options.Region;
            node.Zone = options.Zone;
            node.Weight = options.Weight;
            node.HttpAddress = options.HttpAddress;
            node.DataFolder = Path.GetFullPath(options.DataFolder);
            node.ScrubInterval = options.ScrubInterval;
            node.MemoryBytesMax = options.MemoryBytesMax;
            node.ClockSkewMsMax = (int)options.MaxClockSkew.TotalMilliseconds;
        });
        services.Configure<ControlPlaneOptions>(control => control.AutoBalance = options.AutoBalance);
        services.AddHostedService<NodeWatch>();
        services.AddExapyteClient(client =>
        {
            client.Region = options.Region;
            client.LocalNode = options.Node;
        });
        services
            .AddOptions<ExapyteGatewayOptions>()
            // Cursors that one node signed are taken by every node of the cluster.
            .Configure<NodeRegistrar>(
                (gateway, node) => gateway.CursorKeySource = () => node.ClusterKey(ClusterIdentity.SigningPurpose)
            )
            // A node whose disk has failed says so on its own readiness.
            .Configure<NodeHealth>((gateway, node) => gateway.OwnReasonsNotReady = () => node.Problems);
        return silo;
    }
}
