namespace Exapyte.Gateway.Hosting;

/// <summary>One setting of the process: its key in the section <c>Exapyte</c>, its option and what the help says.</summary>
/// <remarks>
/// The same key is read from <c>appsettings.json</c>, from <c>EXAPYTE__KEY</c> in the environment and from the command
/// line; the last one named wins. The catalogue is the only list of settings: parsing, help and validation follow it.
/// </remarks>
internal sealed record Setting(string Key, string Option, string? Default, string ValueName, string Help)
{
    public const string Section = "Exapyte";

    public static readonly Setting Http = new(
        "Http",
        "--http",
        "http://127.0.0.1:8080",
        "url",
        "address of the REST gateway; port 0 picks a free one"
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
        "certificate that this process shows nodes and .NET clients, PEM or PFX"
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
        "authority (PEM) whose certificates nodes and .NET clients must show"
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

    public static readonly Setting RequestsMax = new(
        "RequestsMax",
        "--requests-max",
        "1024",
        "number",
        "HTTP requests under way at once, beyond which they are answered 429"
    );

    public static readonly Setting ChangesHeartbeat = new(
        "ChangesHeartbeat",
        "--changes-heartbeat",
        "5000",
        "milliseconds",
        "after so long without a change whoever watches is told how far the changes have come"
    );

    /// <summary>Who is let in, and how connections are secured; what has no option is not among them.</summary>
    public static IReadOnlyList<Setting> OfSecurity { get; } =
    [
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
    ];

    /// <summary>The full configuration key.</summary>
    public string Path => $"{Section}:{Key}";

    /// <summary>Whether the option may stand without a value, for true.</summary>
    public bool IsSwitch => this == Insecure;
}
