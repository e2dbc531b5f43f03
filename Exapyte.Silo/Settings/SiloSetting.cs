using Exapyte.Gateway.Hosting;

namespace Exapyte.Silo.Settings;

/// <summary>The settings of a node, beside those of every process with a gateway.</summary>
internal static class SiloSetting
{
    public static readonly Setting Node = new("Node", "--node", "n1", "id", "stable id of this node");

    public static readonly Setting Data = new(
        "Data",
        "--data",
        "./data",
        "folder",
        "data folder, locked by one process; it remembers the node id"
    );

    public static readonly Setting SiloPort = new(
        "SiloPort",
        "--silo-port",
        "11111",
        "port",
        "port on which nodes reach each other"
    );

    public static readonly Setting GatewayPort = new(
        "GatewayPort",
        "--gateway-port",
        "30000",
        "port",
        "port on which .NET clients reach this node"
    );

    public static readonly Setting Region = new("Region", "--region", "default", "name", "region of this node");

    public static readonly Setting Zone = new("Zone", "--zone", "default", "name", "zone of this node");

    public static readonly Setting Weight = new(
        "Weight",
        "--weight",
        "1",
        "number",
        "how much this node is to carry beside the others, 1 to 100"
    );

    public static readonly Setting AutoBalance = new(
        "AutoBalance",
        "--auto-balance",
        "true",
        "true|false",
        "spread replicas and leaders evenly by itself after nodes have come or gone; the same on all nodes"
    );

    public static readonly Setting Cluster = new(
        "Cluster",
        "--cluster",
        null,
        "connection string",
        "database shared by the nodes of a cluster; absent: a single embedded node"
    );

    public static readonly Setting Provider = new(
        "Provider",
        "--provider",
        null,
        "sqlite|postgres",
        "kind of the cluster's database"
    );

    public static readonly Setting Advertise = new(
        "Advertise",
        "--advertise",
        "127.0.0.1",
        "ip address",
        "IP address or name on which other nodes and .NET clients reach this one"
    );

    public static readonly Setting ScrubInterval = new(
        "ScrubInterval",
        "--scrub-interval",
        "86400",
        "seconds",
        "time between two comparisons of a raft shard's replicas; 0: never"
    );

    public static readonly Setting MemoryBytes = new(
        "MemoryBytes",
        "--memory-bytes",
        null,
        "bytes",
        "what memory keyspaces may take on this node together; absent: a quarter of the memory there is"
    );

    public static readonly Setting MaxClockSkew = new(
        "MaxClockSkew",
        "--max-clock-skew",
        "500",
        "milliseconds",
        "how far the clocks of the nodes may differ; the same on all nodes"
    );

    public static readonly Setting Rejoin = new(
        "Rejoin",
        "--rejoin",
        "true",
        "true|false",
        "start anew in its own place after the others have voted this node out; false: end with 134"
    );

    public static IReadOnlyList<Setting> All { get; } =
    [
        Node,
        Data,
        Setting.Http,
        SiloPort,
        GatewayPort,
        Region,
        Zone,
        Weight,
        AutoBalance,
        Cluster,
        Provider,
        Advertise,
        .. Setting.OfSecurity,
        Setting.LogLevel,
        ScrubInterval,
        MemoryBytes,
        MaxClockSkew,
        Setting.RequestsMax,
        Setting.ChangesHeartbeat,
        Rejoin,
    ];

    /// <summary>Settings that have no option; they come from the environment or a file.</summary>
    public static IReadOnlyList<Setting> Secrets { get; } = [Setting.RootKey, Setting.TlsPassword];
}
