using System.Net;
using Exapyte.Grains.ControlPlane;
using Exapyte.Storage.Node;
using Exapyte.Topology;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Runtime.MembershipService;
using Orleans.Serialization;
using Orleans.Storage;

namespace Exapyte.Hosting.Clustering;

/// <summary>How a silo finds its peers, notices their death and stores control state.</summary>
internal static class ClusteringExtensions
{
    /// <summary>Name of the storage provider that holds control state.</summary>
    public const string ControlStorage = "control";

    private const string ControlTables = "control-tables";

    private static readonly TimeSpan TablePeriod = TimeSpan.FromSeconds(3);

    /// <summary>Names the silo after its node, binds its two ports to the advertised address alone, and clusters it.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="options">Options that were judged.</param>
    /// <remarks>
    /// The services have a <see cref="ClusterDatabase"/>, which holds control state and in a cluster the membership too, and
    /// the node's <see cref="DataFolder"/>.
    /// </remarks>
    public static ISiloBuilder UseExapyteClustering(this ISiloBuilder silo, ExapyteOptions options)
    {
        IPAddress address = IPAddress.Parse(options.AdvertisedAddress);
        bool isAlone = options.Clustering == ExapyteClustering.None;
        silo.Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = ClusterIdentity.Name);
        silo.Configure<SiloOptions>(o => o.SiloName = options.Node);
        silo.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = address;
            o.SiloPort = options.SiloPort;
            o.GatewayPort = options.GatewayPort;
            o.SiloListeningEndpoint = new IPEndPoint(address, options.SiloPort);
            o.GatewayListeningEndpoint = new IPEndPoint(address, options.GatewayPort);
        });
        silo.Services.RemoveAll<ILocalSiloDetails>();
        silo.Services.AddSingleton<ILocalSiloDetails>(services =>
            ActivatorUtilities.CreateInstance<LocalSilo>(
                services,
                SiloGeneration.Next(services.GetRequiredService<DataFolder>(), SiloAddress.AllocateNewGeneration())
            )
        );
        silo.ConfigureFailureDetection(options.ProbeTimeout);
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(services => new DatabaseSetup(
            services.GetRequiredService<ClusterDatabase>(),
            isAlone
        ));
        silo.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, LeaveLimit>();
        silo.Services.RemoveAll<IMembershipTable>();
        if (isAlone)
            silo.Services.AddSingleton<IMembershipTable, SingleNodeMembershipTable>();
        else
            silo.UseSharedMembership(options.Node);
        return silo.AddControlStorage(hasSingleWriter: options.Clustering != ExapyteClustering.Postgres);
    }

    /// <summary>
    /// Three missed probes declare a node dead: with half a second each in one to two seconds. Two votes are needed, or half of
    /// the live nodes where those are fewer: of three nodes the two that are left declare the third.
    /// </summary>
    private static void ConfigureFailureDetection(this ISiloBuilder silo, TimeSpan probeTimeout)
    {
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = probeTimeout;
            o.MaxProbeTimeout = probeTimeout;
            o.NumMissedProbesLimit = 3;
            o.NumVotesForDeathDeclaration = 2;
            o.TableRefreshTimeout = TablePeriod;
            o.IAmAliveTablePublishTimeout = TablePeriod;
        });
        silo.Configure<SiloMessagingOptions>(o => o.ResponseTimeout = TimeSpan.FromSeconds(10));
        silo.Configure<ConnectionOptions>(o =>
        {
            o.OpenConnectionTimeout = TimeSpan.FromSeconds(1);
            o.ConnectionRetryDelay = TimeSpan.FromMilliseconds(200);
        });
    }

    private static void UseSharedMembership(this ISiloBuilder silo, string nodeId)
    {
        silo.UseAdoNetClustering(options =>
            options.Configure<ClusterDatabase>(
                (o, database) =>
                {
                    o.Invariant = database.Invariant;
                    o.DataSource = database.DataSource;
                }
            )
        );
        silo.Services.RemoveAll<IMembershipTable>();
        silo.Services.AddSingleton<AdoNetClusteringTable>();
        silo.Services.AddSingleton<IMembershipTable>(services => new JoinTurnstile(
            services.GetRequiredService<AdoNetClusteringTable>(),
            services.GetRequiredService<ClusterDatabase>().CreateJoinLock(),
            nodeId,
            services.GetRequiredService<IHostApplicationLifetime>(),
            services.GetRequiredService<TimeProvider>()
        ));
    }

    private static ISiloBuilder AddControlStorage(this ISiloBuilder silo, bool hasSingleWriter)
    {
        string name = hasSingleWriter ? ControlTables : ControlStorage;
        silo.AddAdoNetGrainStorage(
            name,
            options =>
                options.Configure<Serializer, ClusterDatabase>(
                    (o, serializer, database) =>
                    {
                        o.Invariant = database.Invariant;
                        o.DataSource = database.DataSource;
                        // The states carry Orleans' field ids, which is what lets a later version read an older one's.
                        // A checksum keeps what a database's files have become from being taken for control state.
                        o.GrainStorageSerializer = new CheckedStateSerializer(
                            new OrleansGrainStorageSerializer(serializer)
                        );
                    }
                )
        );
        if (hasSingleWriter)
        {
            silo.Services.AddKeyedSingleton<IGrainStorage>(
                ControlStorage,
                (services, _) =>
                    new OneWriterGrainStorage(services.GetRequiredKeyedService<IGrainStorage>(ControlTables))
            );
        }
        return silo;
    }
}
