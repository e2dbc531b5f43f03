using System.Globalization;
using System.Net;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// Reads settings that every process with a gateway has from the section <c>Exapyte</c>, and collects every reason against
/// them, one line each.
/// </summary>
internal sealed class SectionReader(IConfiguration configuration)
{
    private const int RequestsMaxMost = 1_000_000;
    private const int HeartbeatMsMin = 10;
    private const int HeartbeatMsMax = 60_000;

    private readonly IConfigurationSection section = configuration.GetSection(Setting.Section);

    /// <summary>What there is against the settings.</summary>
    public List<string> Reasons { get; } = [];

    /// <summary>A misspelt variable would otherwise start a node that differs from what was asked for.</summary>
    public void RefuseUnknownKeys(IReadOnlyList<Setting> settings)
    {
        foreach (IConfigurationSection child in section.GetChildren())
        {
            bool isKnown = settings.Any(s => string.Equals(s.Key, child.Key, StringComparison.OrdinalIgnoreCase));
            if (!isKnown && child.Value is not null)
                Reasons.Add($"{Setting.Section}:{child.Key}: there is no such setting");
            foreach ((string path, string? value) in child.AsEnumerable())
            {
                if (isKnown && path != child.Path && value is not null)
                    Reasons.Add($"{path}: there is no such setting");
            }
        }
    }

    /// <summary>The value, or the setting's default.</summary>
    public string Value(Setting setting) => section[setting.Key]?.Trim() ?? setting.Default ?? "";

    /// <summary>Adds a reason against a value.</summary>
    public void Refuse(Setting setting, string value, string reason) =>
        Reasons.Add($"{setting.Option} '{value}': {reason}");

    public bool ReadFlag(Setting setting)
    {
        string value = Value(setting);
        if (!bool.TryParse(value, out bool flag))
            Refuse(setting, value, "must be true or false");
        return flag;
    }

    public LogLevel ReadLogLevel()
    {
        string value = Value(Setting.LogLevel);
        bool isLevel = Enum.TryParse(value, ignoreCase: true, out LogLevel level) && !char.IsAsciiDigit(value[0]);
        if (!isLevel)
            Refuse(Setting.LogLevel, value, $"must be one of {string.Join(", ", Enum.GetNames<LogLevel>())}");
        return level;
    }

    public int ReadRequestsMax() => ReadNumber(Setting.RequestsMax, 1, RequestsMaxMost);

    /// <summary>How often whoever watches changes is told how far they have come.</summary>
    public TimeSpan ReadChangesHeartbeat() =>
        TimeSpan.FromMilliseconds(ReadNumber(Setting.ChangesHeartbeat, HeartbeatMsMin, HeartbeatMsMax));

    private int ReadNumber(Setting setting, int least, int most)
    {
        string value = Value(setting);
        bool isValid =
            int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number)
            && number >= least
            && number <= most;
        if (!isValid)
            Refuse(setting, value, $"must be {least} to {most}");
        return number;
    }

    /// <summary>Who is let in, and how connections are secured.</summary>
    public SecuritySettings ReadSecurity() => new SecurityReader(section, Reasons).Read(ReadFlag(Setting.Insecure));

    public HttpAddress ReadHttp(SecuritySettings security)
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
}
