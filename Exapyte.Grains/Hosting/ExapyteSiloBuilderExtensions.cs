using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Placement;
using Exapyte.Grains.Security;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace Exapyte.Grains.Hosting;

/// <summary>Makes a silo a node of Exapyte.</summary>
public static class ExapyteSiloBuilderExtensions
{
    /// <summary>
    /// Adds the node: replicas, log, store, control plane. The host names the silo like the node, sets up clustering,
    /// and adds the grain storage named <see cref="ControlPlaneOptions.Storage"/>.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="configure">Who the node is. The store id is taken from the data folder.</param>
    /// <remarks>A host that opened the data folder itself adds it to the services first; else it is opened by its path.</remarks>
    public static ISiloBuilder AddExapyteNode(this ISiloBuilder builder, Action<ExapyteNodeOptions> configure)
    {
        var services = builder.Services;
        services.Configure(configure);
        services.TryAddSingleton<IFiles, PosixFiles>();
        services.TryAddSingleton(provider =>
        {
            // Not by IOptions: what completes those needs the folder.
            var options = new ExapyteNodeOptions();
            foreach (var configured in provider.GetServices<IConfigureOptions<ExapyteNodeOptions>>())
            {
                configured.Configure(options);
            }
            return DataFolder.Open(options.DataFolder, options.Node, provider.GetRequiredService<IFiles>());
        });
        services
            .AddOptions<ExapyteNodeOptions>()
            .PostConfigure<DataFolder>(
                (options, folder) =>
                {
                    options.StoreId = folder.StoreId;
                    options.ClusterId = ClusterMemory.Read(folder);
                }
            );
        services.AddOptions<ReplicaOptions>();
        services.AddSingleton<NodeHealth>();
        services.AddSingleton<NodeDeparture>();
        services.TryAddSingleton<NodeNews>();
        services.AddNodeKeys();
        services.AddSingleton<NodeLifecycle>();
        services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(static provider =>
            provider.GetRequiredService<NodeLifecycle>()
        );
        services.AddSingleton(static provider => provider.GetRequiredService<NodeLifecycle>().Host);
        return builder.AddPinnedPlacement().AddControlPlane().AddNodeRegistrar();
    }
}
