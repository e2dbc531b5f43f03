using System.Globalization;
using System.Net;
using Exapyte.Hosting;
using Exapyte.Hosting.Clustering;
using Exapyte.Silo.Security;

namespace Exapyte.Silo.Settings;

/// <summary>Either settings to start with or every reason why there are none; never both.</summary>
internal readonly record struct SettingsResult(SiloSettings? Settings, IReadOnlyList<string> Reasons);

/// <summary>Reads the section <c>Exapyte</c> and collects every reason against it, one line each, before giving up.</summary>
internal sealed class SettingsReader
{
    private const int NameLengthMax = 63;
    private const int RequestsMaxMost = 1_000_000;
    private const int ScrubSecondsMax = 366 * 24 * 3600;
    private const long MemoryBytesMin = 16L << 20;
    private const int ClockSkewMsMin = 10;
    private const int ClockSkewMsMax = 60_000;

    private readonly IConfigurationSection section;
    private readonly List<string> reasons = [];

    private SettingsReader(IConfiguration configuration) => section = configuration.GetSection(Setting.Section);

    public static SettingsResult Read(IConfiguration configuration)
    {
        SettingsReader reader = new(configuration);
        SiloSettings settings = reader.ReadAll();
        return reader.reasons.Count == 0 ? new(settings, []) : new(null, reader.reasons);
    }

    private SiloSettings ReadAll()
    {
        RefuseUnknownKeys();
        SecuritySettings security = new SecurityReader(section, reasons).Read(ReadFlag(Setting.Insecure));
        SiloSettings settings = new()
        {
            NodeId = ReadName(Setting.Node),
            DataFolder = ReadFolder(Setting.Data),
            Http = ReadHttp(security),
            SiloPort = ReadPort(Setting.SiloPort),
            GatewayPort = ReadPort(Setting.GatewayPort),
            Region = ReadName(Setting.Region),
            Zone = ReadName(Setting.Zone),
            Advertise = ReadAdvertise(security),
            Security = security,
            LogLevel = ReadLogLevel(),
            ScrubInterval = ReadScrubInterval(),
            MemoryBytes = ReadMemoryBytes(),
            MaxClockSkewMs = ReadMaxClockSkew(),
            RequestsMax = ReadRequestsMax(),
            Rejoins = ReadFlag(Setting.Rejoin),
            Cluster = ReadCluster(),
        };
        RefuseSharedPorts(settings);
        return settings;
    }

    /// <summary>A misspelt variable would otherwise start a node that differs from what was asked for.</summary>
    private void RefuseUnknownKeys()
    {
        foreach (IConfigurationSection child in section.GetChildren())
        {
            bool isKnown = Setting
                .All.Concat(Setting.Secrets)
                .Any(s => string.Equals(s.Key, child.Key, StringComparison.OrdinalIgnoreCase));
            if (!isKnown && child.Value is not null)
                reasons.Add($"{Setting.Section}:{child.Key}: there is no such setting");
            foreach ((string path, string? value) in child.AsEnumerable())
            {
                if (isKnown && path != child.Path && value is not null)
                    reasons.Add($"{path}: there is no such setting");
            }
        }
    }

    private string Value(Setting setting) => section[setting.Key]?.Trim() ?? setting.Default ?? "";

    private void Refuse(Setting setting, string value, string reason) =>
        reasons.Add($"{setting.Option} '{value}': {reason}");

    /// <summary>Ids stand behind '@' and between '/' in grain keys, so they are kept to what needs no escape.</summary>
    private string ReadName(Setting setting)
    {
        string value = Value(setting);
        bool isValid =
            value.Length is > 0 and <= NameLengthMax
            && value.All(c => IsLetterOrDigit(c) || c == '-')
            && IsLetterOrDigit(value[0])
            && IsLetterOrDigit(value[^1]);
        if (!isValid)
            Refuse(setting, value, $"must be 1 to {NameLengthMax} of a-z, 0-9 and '-', with no '-' first or last");
        return value;
    }

    private string ReadFolder(Setting setting)
    {
        string value = Value(setting);
        if (value.Length == 0 || value.Contains('\0', StringComparison.Ordinal))
        {
            Refuse(setting, value, "must be a path");
            return "";
        }
        return Path.GetFullPath(value);
    }

    private int ReadPort(Setting setting)
    {
        string value = Value(setting);
        bool isPort =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int port)
            && port is > IPEndPoint.MinPort and <= IPEndPoint.MaxPort;
        if (!isPort)
            Refuse(setting, value, $"must be a port, 1 to {IPEndPoint.MaxPort}");
        return port;
    }

    private bool ReadFlag(Setting setting)
    {
        string value = Value(setting);
        if (!bool.TryParse(value, out bool flag))
            Refuse(setting, value, "must be true or false");
        return flag;
    }

    private LogLevel ReadLogLevel()
    {
        string value = Value(Setting.LogLevel);
        bool isLevel = Enum.TryParse(value, ignoreCase: true, out LogLevel level) && !char.IsAsciiDigit(value[0]);
        if (!isLevel)
            Refuse(Setting.LogLevel, value, $"must be one of {string.Join(", ", Enum.GetNames<LogLevel>())}");
        return level;
    }

    private TimeSpan ReadScrubInterval()
    {
        string value = Value(Setting.ScrubInterval);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds)
            && seconds <= ScrubSecondsMax;
        if (!isValid)
            Refuse(Setting.ScrubInterval, value, $"must be seconds, 0 to {ScrubSecondsMax}");
        return TimeSpan.FromSeconds(seconds);
    }

    private long? ReadMemoryBytes()
    {
        string value = Value(Setting.MemoryBytes);
        if (value.Length == 0)
            return null;
        long most = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        bool isValid =
            long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out long bytes)
            && bytes >= MemoryBytesMin
            && bytes <= most;
        if (!isValid)
            Refuse(
                Setting.MemoryBytes,
                value,
                $"must be bytes, {MemoryBytesMin} to {most}, which is all the memory that this process may have"
            );
        return bytes;
    }

    private int ReadMaxClockSkew()
    {
        string value = Value(Setting.MaxClockSkew);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            && milliseconds is >= ClockSkewMsMin and <= ClockSkewMsMax;
        if (!isValid)
            Refuse(Setting.MaxClockSkew, value, $"must be milliseconds, {ClockSkewMsMin} to {ClockSkewMsMax}");
        return milliseconds;
    }

    private int ReadRequestsMax()
    {
        string value = Value(Setting.RequestsMax);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int requests)
            && requests is >= 1 and <= RequestsMaxMost;
        if (!isValid)
            Refuse(Setting.RequestsMax, value, $"must be 1 to {RequestsMaxMost}");
        return requests;
    }

    private IPAddress ReadAdvertise(SecuritySettings security)
    {
        string value = Value(Setting.Advertise);
        if (HostNames.Resolve(value) is not { } address || IsWildcard(address))
        {
            Refuse(Setting.Advertise, value, "must be the IP address of one interface, or a name that is known as one");
            return IPAddress.Loopback;
        }
        if (security is { IsInsecure: false, Cluster: null } && !IPAddress.IsLoopback(address))
            Refuse(
                Setting.Advertise,
                value,
                "beyond loopback nodes and .NET clients must show each other certificates: give --cluster-tls-cert, --cluster-tls-key and --cluster-tls-ca; --insecure overrides"
            );
        return address;
    }

    private HttpAddress ReadHttp(SecuritySettings security)
    {
        string value = Value(Setting.Http);
        if (!TryParseHttp(value, out HttpAddress http))
            Refuse(
                Setting.Http,
                value,
                "must be http:// or https://<ip address or name that is known>:<port> and no path"
            );
        else if (http.IsTls != security.Http is not null)
            Refuse(
                Setting.Http,
                value,
                http.IsTls
                    ? $"https needs a certificate: give {Setting.TlsCert.Option} and {Setting.TlsKey.Option}"
                    : $"with {Setting.TlsCert.Option} it must be https://"
            );
        else if (
            security is { IsInsecure: false }
            && !(security.AsksForKeys && http.IsTls)
            && !IPAddress.IsLoopback(http.Address)
        )
            Refuse(
                Setting.Http,
                value,
                "beyond loopback it takes authentication and TLS: give --auth keys, https:// and --tls-cert; --insecure overrides"
            );
        return http;
    }

    private static bool TryParseHttp(string value, out HttpAddress http)
    {
        http = new HttpAddress(IPAddress.Loopback, 0);
        bool isBareUrl =
            Uri.TryCreate(value, UriKind.Absolute, out Uri? uri)
            && (uri.Scheme == Uri.UriSchemeHttp || uri.Scheme == Uri.UriSchemeHttps)
            && uri is { AbsolutePath: "/", Query: "", Fragment: "", UserInfo: "" };
        if (!isBareUrl)
            return false;

        if (HostNames.Resolve(uri!.DnsSafeHost) is not { } address)
            return false;
        http = new HttpAddress(address, uri.Port, uri.Scheme == Uri.UriSchemeHttps);
        return true;
    }

    private ClusterDatabase? ReadCluster()
    {
        string connectionString = Value(Setting.Cluster);
        string provider = Value(Setting.Provider);
        switch (connectionString.Length, provider.Length)
        {
            case (0, 0):
                return null;
            case (0, _):
                Refuse(Setting.Provider, provider, "goes with --cluster, which is missing");
                return null;
            case (_, 0):
                reasons.Add(
                    $"{Setting.Provider.Option}: must be given with {Setting.Cluster.Option}: sqlite or postgres"
                );
                return null;
        }

        if (
            !Enum.TryParse(provider, ignoreCase: true, out ExapyteClustering kind)
            || kind == ExapyteClustering.None
            || char.IsAsciiDigit(provider[0])
        )
        {
            Refuse(Setting.Provider, provider, "must be sqlite or postgres");
            return null;
        }
        ClusterDatabase? database = ClusterDatabase.TryCreate(kind, connectionString, out string reason);
        if (database is null)
            reasons.Add($"{Setting.Cluster.Option}: {reason}");
        return database;
    }

    private void RefuseSharedPorts(SiloSettings settings)
    {
        if (settings.SiloPort != 0 && settings.SiloPort == settings.GatewayPort)
            Refuse(Setting.GatewayPort, Value(Setting.GatewayPort), "is the silo port already");
        if (settings.Http.Port == 0)
            return;
        if (settings.Http.Port == settings.SiloPort || settings.Http.Port == settings.GatewayPort)
            Refuse(Setting.Http, Value(Setting.Http), "its port is the silo or gateway port already");
    }

    private static bool IsLetterOrDigit(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);

    private static bool IsWildcard(IPAddress address) =>
        address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any);
}
