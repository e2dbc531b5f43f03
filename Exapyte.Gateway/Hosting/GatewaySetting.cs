namespace Exapyte.Gateway.Hosting;

/// <summary>The settings of a gateway of its own, beside those of every process with a gateway.</summary>
internal static class GatewaySetting
{
    public static readonly Setting Endpoints = new(
        "Endpoints",
        "--endpoints",
        null,
        "host:port,...",
        "nodes of the cluster, each with its port for .NET clients; name several: it survives the loss of those it knows"
    );

    public static readonly Setting Region = new(
        "Region",
        "--region",
        null,
        "name",
        "region whose replicas reads prefer"
    );

    public static IReadOnlyList<Setting> All { get; } =
    [
        Endpoints,
        Setting.Http,
        Region,
        .. Setting.OfSecurity,
        Setting.LogLevel,
        Setting.RequestsMax,
        Setting.ChangesHeartbeat,
    ];

    /// <summary>Settings that have no option; they come from the environment or a file.</summary>
    public static IReadOnlyList<Setting> Secrets { get; } = [Setting.TlsPassword];
}
