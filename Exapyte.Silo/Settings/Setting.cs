namespace Exapyte.Silo.Settings;

/// <summary>One setting of the process: its key in the section <c>Exapyte</c>, its option and what the help says.</summary>
/// <remarks>
/// The same key is read from <c>appsettings.json</c>, from <c>EXAPYTE__KEY</c> in the environment and from the command
/// line; the last one named wins. The catalogue is the only list of settings: parsing, help and validation follow it.
/// </remarks>
internal sealed record Setting(string Key, string Option, string? Default, string ValueName, string Help)
{
    public const string Section = "Exapyte";

    public static readonly Setting Node = new("Node", "--node", "n1", "id", "stable id of this node");

    public static readonly Setting Data = new(
        "Data",
        "--data",
        "./data",
        "folder",
        "data folder, locked by one process; it remembers the node id"
    );

    public static readonly Setting Http = new(
        "Http",
        "--http",
        "http://127.0.0.1:8080",
        "url",
        "address of the REST gateway; port 0 picks a free one"
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

    public static readonly Setting Insecure = new(
        "Insecure",
        "--insecure",
        "false",
        "true|false",
        "allow addresses other than loopback although not all that reach them are authenticated and encrypted"
    );

    public static readonly Setting Auth = new(
        "Auth",
        "--auth",
        "none",
        "none|keys",
        "who may call the REST gateway: everybody, or who shows a key"
    );

    public static readonly Setting AuthJwtAuthority = new(
        "AuthJwtAuthority",
        "--auth-jwt-authority",
        null,
        "url",
        "issuer whose tokens (JWT) are taken beside keys"
    );

    public static readonly Setting AuthJwtAudience = new(
        "AuthJwtAudience",
        "--auth-jwt-audience",
        null,
        "text",
        "audience that a token must name"
    );

    public static readonly Setting AuthJwtClaim = new(
        "AuthJwtClaim",
        "--auth-jwt-claim",
        "exapyte",
        "name",
        "claim of a token that lists its grants"
    );

    public static readonly Setting TlsCert = new(
        "TlsCert",
        "--tls-cert",
        null,
        "file",
        "certificate of an https:// gateway, PEM or PFX; read again when it changes"
    );

    public static readonly Setting TlsKey = new(
        "TlsKey",
        "--tls-key",
        null,
        "file",
        "its key as PEM; absent: in the same file"
    );

    public static readonly Setting TlsClientCa = new(
        "TlsClientCa",
        "--tls-client-ca",
        null,
        "file",
        "authority (PEM) whose certificates callers of the gateway must show, beside a key"
    );

    public static readonly Setting ClusterTlsCert = new(
        "ClusterTlsCert",
        "--cluster-tls-cert",
        null,
        "file",
        "certificate that this node shows other nodes and .NET clients, PEM or PFX"
    );

    public static readonly Setting ClusterTlsKey = new(
        "ClusterTlsKey",
        "--cluster-tls-key",
        null,
        "file",
        "its key as PEM; absent: in the same file"
    );

    public static readonly Setting ClusterTlsCa = new(
        "ClusterTlsCa",
        "--cluster-tls-ca",
        null,
        "file",
        "authority (PEM) whose certificates other nodes and .NET clients must show"
    );

    /// <summary>No option: arguments of a process are shown to everybody on its machine.</summary>
    public static readonly Setting RootKey = new("Root_Key", "EXAPYTE__ROOT_KEY", null, "root.secret", "the root key");

    /// <summary>No option either.</summary>
    public static readonly Setting TlsPassword = new(
        "Tls_Password",
        "EXAPYTE__TLS_PASSWORD",
        null,
        "text",
        "password of the gateway's PFX or key"
    );

    public static readonly Setting LogLevel = new(
        "LogLevel",
        "--log-level",
        "Information",
        "level",
        "Trace, Debug, Information, Warning, Error, Critical or None"
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

    public static readonly Setting RequestsMax = new(
        "RequestsMax",
        "--requests-max",
        "1024",
        "number",
        "HTTP requests under way at once, beyond which they are answered 429"
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
        Http,
        SiloPort,
        GatewayPort,
        Region,
        Zone,
        Cluster,
        Provider,
        Advertise,
        Insecure,
        Auth,
        AuthJwtAuthority,
        AuthJwtAudience,
        AuthJwtClaim,
        TlsCert,
        TlsKey,
        TlsClientCa,
        ClusterTlsCert,
        ClusterTlsKey,
        ClusterTlsCa,
        LogLevel,
        ScrubInterval,
        MemoryBytes,
        MaxClockSkew,
        RequestsMax,
        Rejoin,
    ];

    /// <summary>Settings that have no option; they come from the environment or a file.</summary>
    public static IReadOnlyList<Setting> Secrets { get; } = [RootKey, TlsPassword];

    /// <summary>The full configuration key.</summary>
    public string Path => $"{Section}:{Key}";
}
