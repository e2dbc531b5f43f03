using System.Globalization;
using System.Net;
using Exapyte.Gateway.Hosting;
using Exapyte.Hosting;
using Exapyte.Hosting.Clustering;
using Exapyte.Topology;

namespace Exapyte.Silo.Settings;

/// <summary>Either settings to start with or every reason why there are none; never both.</summary>
internal readonly record struct SettingsResult(SiloSettings? Settings, IReadOnlyList<string> Reasons);

/// <summary>Reads the section <c>Exapyte</c> and collects every reason against it, one line each, before giving up.</summary>
internal sealed class SettingsReader
{
    private const int NameLengthMax = 63;
    private const int ScrubSecondsMax = 366 * 24 * 3600;
    private const long MemoryBytesMin = 16L << 20;
    private const int ClockSkewMsMin = 10;
    private const int ClockSkewMsMax = 60_000;

    private readonly SectionReader section;

    private SettingsReader(IConfiguration configuration) => section = new(configuration);

    public static SettingsResult Read(IConfiguration configuration)
    {
        SettingsReader reader = new(configuration);
        SiloSettings settings = reader.ReadAll();
        return reader.section.Reasons is { Count: > 0 } reasons ? new(null, reasons) : new(settings, []);
    }

    private SiloSettings ReadAll()
    {
        section.RefuseUnknownKeys([.. SiloSetting.All, .. SiloSetting.Secrets]);
        SecuritySettings security = section.ReadSecurity();
        SiloSettings settings = new()
        {
            NodeId = ReadName(SiloSetting.Node),
            DataFolder = ReadFolder(SiloSetting.Data),
            Http = section.ReadHttp(security),
            SiloPort = ReadPort(SiloSetting.SiloPort),
            GatewayPort = ReadPort(SiloSetting.GatewayPort),
            Region = ReadName(SiloSetting.Region),
            Zone = ReadName(SiloSetting.Zone),
            Weight = ReadWeight(),
            AutoBalances = section.ReadFlag(SiloSetting.AutoBalance),
            Advertise = ReadAdvertise(security),
            Security = security,
            LogLevel = section.ReadLogLevel(),
            ScrubInterval = ReadScrubInterval(),
            MemoryBytes = ReadMemoryBytes(),
            MaxClockSkewMs = ReadMaxClockSkew(),
            RequestsMax = section.ReadRequestsMax(),
            ChangesHeartbeat = section.ReadChangesHeartbeat(),
            Rejoins = section.ReadFlag(SiloSetting.Rejoin),
            Cluster = ReadCluster(),
        };
        RefuseSharedPorts(settings);
        return settings;
    }

    /// <summary>Ids stand behind '@' and between '/' in grain keys, so they are kept to what needs no escape.</summary>
    private string ReadName(Setting setting)
    {
        string value = section.Value(setting);
        bool isValid =
            value.Length is > 0 and <= NameLengthMax
            && value.All(c => IsLetterOrDigit(c) || c == '-')
            && IsLetterOrDigit(value[0])
            && IsLetterOrDigit(value[^1]);
        if (!isValid)
            section.Refuse(
                setting,
                value,
                $"must be 1 to {NameLengthMax} of a-z, 0-9 and '-', with no '-' first or last"
            );
        return value;
    }

    private string ReadFolder(Setting setting)
    {
        string value = section.Value(setting);
        if (value.Length == 0 || value.Contains('\0', StringComparison.Ordinal))
        {
            section.Refuse(setting, value, "must be a path");
            return "";
        }
        return Path.GetFullPath(value);
    }

    private int ReadPort(Setting setting)
    {
        string value = section.Value(setting);
        bool isPort =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port is > IPEndPoint.MinPort and <= IPEndPoint.MaxPort;
        if (!isPort)
            section.Refuse(setting, value, $"must be a port, 1 to {IPEndPoint.MaxPort}");
        return port;
    }

    private TimeSpan ReadScrubInterval()
    {
        string value = section.Value(SiloSetting.ScrubInterval);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            && seconds <= ScrubSecondsMax;
        if (!isValid)
            section.Refuse(SiloSetting.ScrubInterval, value, $"must be seconds, 0 to {ScrubSecondsMax}");
        return TimeSpan.FromSeconds(seconds);
    }

    private long? ReadMemoryBytes()
    {
        string value = section.Value(SiloSetting.MemoryBytes);
        if (value.Length == 0)
            return null;
        long most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        bool isValid =
            long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
            && bytes >= MemoryBytesMin
            && bytes <= most;
        if (!isValid)
            section.Refuse(
                SiloSetting.MemoryBytes,
                value,
                $"must be bytes, {MemoryBytesMin} to {most}, which is all the memory that this process may have"
            );
        return bytes;
    }

    private int ReadMaxClockSkew()
    {
        string value = section.Value(SiloSetting.MaxClockSkew);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            && milliseconds is >= ClockSkewMsMin and <= ClockSkewMsMax;
        if (!isValid)
            section.Refuse(
                SiloSetting.MaxClockSkew,
                value,
                $"must be milliseconds, {ClockSkewMsMin} to {ClockSkewMsMax}"
            );
        return milliseconds;
    }

    private int ReadWeight()
    {
        string value = section.Value(SiloSetting.Weight);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int weight)
            && weight is >= 1 and <= NodeRegistration.WeightMax;
        if (!isValid)
            section.Refuse(SiloSetting.Weight, value, $"must be a whole number, 1 to {NodeRegistration.WeightMax}");
        return weight;
    }

    private IPAddress ReadAdvertise(SecuritySettings security)
    {
        string value = section.Value(SiloSetting.Advertise);
        if (HostNames.Resolve(value) is not { } address || IsWildcard(address))
        {
            section.Refuse(
                SiloSetting.Advertise,
                value,
                "must be the IP address of one interface, or a name that is known as one"
            );
            return IPAddress.Loopback;
        }
        if (security is { IsInsecure: false, Cluster: null } && !IPAddress.IsLoopback(address))
            section.Refuse(
                SiloSetting.Advertise,
                value,
                "beyond loopback nodes and .NET clients must show each other certificates: give --cluster-tls-cert, --cluster-tls-key and --cluster-tls-ca; --insecure overrides"
            );
        return address;
    }

    private ClusterDatabase? ReadCluster()
    {
        string connectionString = section.Value(SiloSetting.Cluster);
        string provider = section.Value(SiloSetting.Provider);
        switch (connectionString.Length, provider.Length)
        {
            case (0, 0):
                return null;
            case (0, _):
                section.Refuse(SiloSetting.Provider, provider, "goes with --cluster, which is missing");
                return null;
            case (_, 0):
                section.Reasons.Add(
                    $"{SiloSetting.Provider.Option}: must be given with {SiloSetting.Cluster.Option}: sqlite or postgres"
                );
                return null;
        }

        if (
            !Enum.TryParse(provider, ignoreCase: true, out ExapyteClustering kind)
            || kind == ExapyteClustering.None
            || char.IsAsciiDigit(provider[0])
        )
        {
            section.Refuse(SiloSetting.Provider, provider, "must be sqlite or postgres");
            return null;
        }
        ClusterDatabase? database = ClusterDatabase.TryCreate(kind, connectionString, out string reason);
        if (database is null)
            section.Reasons.Add($"{SiloSetting.Cluster.Option}: {reason}");
        return database;
    }

    private void RefuseSharedPorts(SiloSettings settings)
    {
        if (settings.SiloPort != 0 && settings.SiloPort == settings.GatewayPort)
            section.Refuse(SiloSetting.GatewayPort, section.Value(SiloSetting.GatewayPort), "is the silo port already");
        if (settings.Http.Port == 0)
            return;
        if (settings.Http.Port == settings.SiloPort || settings.Http.Port == settings.GatewayPort)
            section.Refuse(Setting.Http, section.Value(Setting.Http), "its port is the silo or gateway port already");
    }

    private static bool IsLetterOrDigit(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);

    private static bool IsWildcard(IPAddress address) =>
        address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
