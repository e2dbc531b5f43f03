using Exapyte.Gateway;
using Exapyte.Gateway.Hosting;
using Exapyte.Grains.Hosting;
using Exapyte.Grains.Security;
using Exapyte.Hosting;
using Exapyte.Silo.Settings;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;
using Exapyte.Storage.Stores;

namespace Exapyte.Silo;

/// <summary>The one file that names the other houses: what the process adds to the node of <c>Exapyte.Hosting</c>.</summary>
internal static class Composition
{
    /// <summary>The process is the node's alone, so that no pause of an application need be borne with.</summary>
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromMilliseconds(500);

    /// <summary>What is the whole process's to set, before anything else.</summary>
    public static void PrepareProcess() => NativeHeap.LimitArenas();

    /// <summary>Opens and locks the data folder for this process; disposing it frees the lock.</summary>
    /// <exception cref="DataFolderException">The folder is in use, belongs to another node or cannot be used.</exception>
    public static DataFolder OpenDataFolder(SiloSettings settings) =>
        DataFolder.Open(settings.DataFolder, settings.NodeId, new PosixFiles());

    /// <summary>What an operator is told where another house refused, or null when it was something else.</summary>
    public static Refusal? RefusalOf(Exception failure, SiloSettings settings) =>
        failure switch
        {
            DataFolderException => new(ExitCode.DataFolder, failure.Message),
            NodeLogException => new(ExitCode.DataFolder, failure.Message),
            StoreFullException => new(ExitCode.DataFolder, $"{failure.Message}: free space on it and start again"),
            StoreDamagedException => new(
                ExitCode.DataFolder,
                settings.Cluster is null
                    ? $"{failure.Message}: restore the disk; or begin with an empty data folder and restore the keyspaces from a backup"
                    : $"{failure.Message}: remove the data folder {settings.DataFolder} and start the node again under the same name; it comes back with a new store id and is rebuilt from its peers (a keyspace with one replica only: restore a backup)"
            ),
            StoreFailedException => new(ExitCode.DataFolder, failure.Message),
            DiskException => new(ExitCode.DataFolder, failure.Message),
            NodeRefusedException => new(ExitCode.Node, failure.Message),
            _ => null,
        };

    /// <summary>The node as a library takes it.</summary>
    public static ExapyteOptions OptionsOf(SiloSettings settings) =>
        new()
        {
            Node = settings.NodeId,
            DataFolder = settings.DataFolder,
            Region = settings.Region,
            Zone = settings.Zone,
            Weight = settings.Weight,
            AutoBalance = settings.AutoBalances,
            AdvertisedAddress = settings.Advertise.ToString(),
            // The settings were judged: what is beyond loopback is secured, or --insecure was given.
            IsNetworkTrusted = true,
            SiloPort = settings.SiloPort,
            GatewayPort = settings.GatewayPort,
            Clustering = settings.Cluster?.Kind ?? ExapyteClustering.None,
            HttpAddress = settings.PublishedHttp.ToString().TrimEnd('/'),
            ScrubInterval = settings.ScrubInterval,
            MemoryBytesMax = settings.MemoryBytes,
            MaxClockSkew = TimeSpan.FromMilliseconds(settings.MaxClockSkewMs),
            ProbeTimeout = ProbeTimeout,
        };

    /// <summary>Callers are asked for keys, which this node keeps.</summary>
    public static void AskForKeys(IServiceCollection services, SiloSettings settings)
    {
        services.Configure<NodeKeyOptions>(keys =>
        {
            keys.Enabled = settings.Security.AsksForKeys;
            keys.RootKey = settings.Security.RootKey;
        });
        if (settings.Security.AsksForKeys)
        {
            services.Configure<ExapyteGatewayOptions>(gateway =>
            {
                gateway.Authentication = GatewayAuthentication.Keys;
                gateway.Jwt = settings.Security.Jwt;
            });
        }
    }

    /// <summary>How much the gateway takes at once, and how often it tells those who watch.</summary>
    public static void LimitRequests(IServiceCollection services, SiloSettings settings) =>
        services.Configure<ExapyteGatewayOptions>(gateway =>
        {
            gateway.RequestsMax = settings.RequestsMax;
            gateway.ChangesHeartbeat = settings.ChangesHeartbeat;
        });

    /// <summary>Instruments for scraping.</summary>
    public static void AddMetrics(IServiceCollection services, SiloSettings settings) =>
        services.AddExapyteMetrics("exapyte", settings.NodeId);

    /// <summary>The metrics, and for every other target the REST surface.</summary>
    public static void MapGateway(WebApplication app) => app.MapExapyteWithMetrics();
}
