using System.Net;
using Exapyte.Silo.Settings;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Runtime.MembershipService;
using Orleans.Serialization;
using Orleans.Storage;

namespace Exapyte.Silo.Clustering;

/// <summary>How a silo finds its peers, notices their death and stores control state.</summary>
internal static class ClusteringExtensions
{
    /// <summary>Name of the storage provider that holds control state.</summary>
    public const string ControlStorage = "control";

    private const string ControlTables = "control-tables";
    private const string ClusterName = "exapyte";

    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TablePeriod = TimeSpan.FromSeconds(3);

    /// <summary>After this no further try begins; Orleans pauses one to three seconds before it looks.</summary>
    private static readonly TimeSpan LeaveTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Names the silo after its node, binds its two ports to the advertised address alone, and clusters it.</summary>
    /// <param name="silo">The silo.</param>
    /// <param name="settings">Validated settings.</param>
    /// <param name="control">
    /// The database of control state, which in a cluster holds the membership too; its scripts have been applied.
    /// </param>
    /// <param name="generation">The silo's generation: see <see cref="SiloGeneration"/>.</param>
    public static ISiloBuilder UseExapyteClustering(
        this ISiloBuilder silo,
        SiloSettings settings,
        ClusterDatabase control,
        int generation
    )
    {
        silo.Configure<ClusterOptions>(o => o.ClusterId = o.ServiceId = ClusterName);
        silo.Configure<SiloOptions>(o => o.SiloName = settings.NodeId);
        silo.Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = settings.Advertise;
            o.SiloPort = settings.SiloPort;
            o.GatewayPort = settings.GatewayPort;
            o.SiloListeningEndpoint = new IPEndPoint(settings.Advertise, settings.SiloPort);
            o.GatewayListeningEndpoint = new IPEndPoint(settings.Advertise, settings.GatewayPort);
        });
        silo.Services.RemoveAll<ILocalSiloDetails>();
        silo.Services.AddSingleton<ILocalSiloDetails>(services =>
            ActivatorUtilities.CreateInstance<LocalSilo>(services, generation)
        );
        silo.ConfigureFailureDetection();
        silo.Services.RemoveAll<IMembershipTable>();
        if (settings.Cluster is null)
            silo.Services.AddSingleton<IMembershipTable, SingleNodeMembershipTable>();
        else
            silo.UseSharedMembership(settings.NodeId, control);
        return silo.AddControlStorage(control);
    }

    /// <summary>
    /// Bounds how long a leaving node tries to write its row: Orleans reads the limit of a join for that too, and five
    /// minutes are no way to stop. The others declare the node dead when the row was not written.
    /// </summary>
    public static void LimitLeaving(this IServiceProvider services)
    {
        ClusterMembershipOptions options = services.GetRequiredService<IOptions<ClusterMembershipOptions>>().Value;
        IHostApplicationLifetime lifetime = services.GetRequiredService<IHostApplicationLifetime>();
        lifetime.ApplicationStopping.Register(() => options.MaxJoinAttemptTime = LeaveTimeout);
    }

    /// <summary>
    /// Three missed probes of half a second declare a node dead in one to two seconds. Two votes are needed, or half of
    /// the live nodes where those are fewer: of three nodes the two that are left declare the third.
    /// </summary>
    private static void ConfigureFailureDetection(this ISiloBuilder silo)
    {
        silo.Configure<ClusterMembershipOptions>(o =>
        {
            o.ProbeTimeout = ProbeTimeout;
            o.MaxProbeTimeout = ProbeTimeout;
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

    private static void UseSharedMembership(this ISiloBuilder silo, string nodeId, ClusterDatabase database)
    {
        silo.UseAdoNetClustering(o =>
        {
            o.Invariant = database.Invariant;
            o.DataSource = database.DataSource;
        });
        silo.Services.RemoveAll<IMembershipTable>();
        silo.Services.AddSingleton<AdoNetClusteringTable>();
        silo.Services.AddSingleton<IMembershipTable>(services => new JoinTurnstile(
            services.GetRequiredService<AdoNetClusteringTable>(),
            database.CreateJoinLock(),
            nodeId,
            services.GetRequiredService<IHostApplicationLifetime>(),
            services.GetRequiredService<TimeProvider>()
        ));
    }

    private static ISiloBuilder AddControlStorage(this ISiloBuilder silo, ClusterDatabase database)
    {
        string name = database.HasSingleWriter ? ControlTables : ControlStorage;
        silo.AddAdoNetGrainStorage(
            name,
            options =>
                options.Configure<Serializer>(
                    (o, serializer) =>
                    {
                        o.Invariant = database.Invariant;
                        o.DataSource = database.DataSource;
                        // The states carry Orleans' field ids, which is what lets a later version read an older one's.
                        o.GrainStorageSerializer = Composition.CheckStates(
                            new OrleansGrainStorageSerializer(serializer)
                        );
                    }
                )
        );
        if (database.HasSingleWriter)
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
