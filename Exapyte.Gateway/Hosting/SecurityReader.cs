using Exapyte.Security;

namespace Exapyte.Gateway.Hosting;

/// <summary>Reads who is let in and how connections are secured; every reason against it is told, and no secret.</summary>
internal sealed class SecurityReader(IConfigurationSection section, List<string> reasons)
{
    private const string Keys = "keys";
    private const string None = "none";

    public SecuritySettings Read(bool insecure)
    {
        bool asksForKeys = ReadAuth();
        TlsFiles? http = ReadFiles(Setting.TlsCert, Setting.TlsKey, Setting.TlsClientCa);
        return new()
        {
            AsksForKeys = asksForKeys,
            RootKey = ReadRootKey(asksForKeys),
            Jwt = ReadJwt(asksForKeys),
            Http = http is null ? null : http with { Password = Value(Setting.TlsPassword) },
            Cluster = ReadClusterFiles(),
            IsInsecure = insecure,
        };
    }

    private bool ReadAuth()
    {
        string value = Value(Setting.Auth) ?? None;
        if (value is not (None or Keys))
            reasons.Add($"{Setting.Auth.Option} '{value}': must be {None} or {Keys}");
        return value == Keys;
    }

    private string? ReadRootKey(bool asksForKeys)
    {
        if (Value(Setting.RootKey) is not { } given)
            return null;
        if (!asksForKeys)
            reasons.Add($"{Setting.RootKey.Option}: goes with {Setting.Auth.Option} {Keys}, which is missing");
        if (!KeySecret.TrySplit(given, out string? id, out _) || id != KeyRules.RootId)
            reasons.Add(
                $"{Setting.RootKey.Option}: must be '{KeyRules.RootId}.' and a secret, 32 random bytes as 43 characters of base64url"
            );
        return given;
    }

    private GatewayJwtOptions? ReadJwt(bool asksForKeys)
    {
        (string? authority, string? audience) = (Value(Setting.AuthJwtAuthority), Value(Setting.AuthJwtAudience));
        if (authority is null)
        {
            if (audience is not null)
                reasons.Add(
                    $"{Setting.AuthJwtAudience.Option}: goes with {Setting.AuthJwtAuthority.Option}, which is missing"
                );
            return null;
        }
        if (!asksForKeys)
            reasons.Add($"{Setting.AuthJwtAuthority.Option}: goes with {Setting.Auth.Option} {Keys}, which is missing");
        if (audience is null)
            reasons.Add(
                $"{Setting.AuthJwtAuthority.Option}: goes with {Setting.AuthJwtAudience.Option}, which is missing: tokens of that issuer for other services are not for this one"
            );
        bool isAddress = Uri.TryCreate(authority, UriKind.Absolute, out Uri? address);
        if (!isAddress || !GatewayJwtOptions.IsAuthority(address!))
        {
            reasons.Add(
                $"{Setting.AuthJwtAuthority.Option} '{authority}': must be an https:// address, or http:// on loopback"
            );
            return null;
        }
        return audience is null
            ? null
            : new()
            {
                Authority = address!,
                Audience = audience,
                Claim = Value(Setting.AuthJwtClaim) ?? GatewayJwtOptions.ClaimDefault,
            };
    }

    private TlsFiles? ReadClusterFiles()
    {
        TlsFiles? files = ReadFiles(Setting.ClusterTlsCert, Setting.ClusterTlsKey, Setting.ClusterTlsCa);
        if (files is { Authority: null })
            reasons.Add(
                $"{Setting.ClusterTlsCert.Option}: goes with {Setting.ClusterTlsCa.Option}, which is missing: nodes show each other certificates of one authority"
            );
        return files;
    }

    private TlsFiles? ReadFiles(Setting certificate, Setting key, Setting authority)
    {
        (string? certificatePath, string? keyPath, string? authorityPath) = (
            ReadPath(certificate),
            ReadPath(key),
            ReadPath(authority)
        );
        if (certificatePath is not null)
            return new(certificatePath, keyPath, authorityPath);
        foreach (Setting other in new[] { key, authority }.Where(other => Value(other) is not null))
            reasons.Add($"{other.Option}: goes with {certificate.Option}, which is missing");
        return null;
    }

    private string? ReadPath(Setting setting)
    {
        if (Value(setting) is not { } value)
            return null;
        string path = Path.GetFullPath(value);
        if (!File.Exists(path))
            reasons.Add($"{setting.Option} '{value}': there is no such file");
        return path;
    }

    private string? Value(Setting setting) => section[setting.Key]?.Trim() is { Length: > 0 } value ? value : null;
}
