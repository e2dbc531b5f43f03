using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>
/// Reads what a new key is to be: <c>{name, expires, requestsPerSecond, grants: [{keyspace, prefix | prefix64, allow}]}</c>.
/// Whatever is not understood is refused, all of it at once: a misspelt member must not make a key that may more.
/// </summary>
internal sealed class KeyRequest(List<string> reasons)
{
    private string name = "";
    private long expiresMs;
    private int requestsPerSecond;
    private KeyGrant[] grants = [];

    /// <summary>The key, with an id and this hash; what is wrong with it goes to the reasons.</summary>
    public ApiKey Read(JsonDocument? document, string id, byte[] secretHash, long nowMs)
    {
        if (document?.RootElement.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in document.RootElement.EnumerateObject())
            {
                ReadMember(member.Name, member.Value);
            }
        }
        else
        {
            reasons.Add("The body must be a JSON object with name and grants.");
        }
        var key = new ApiKey
        {
            Id = id,
            Name = name,
            SecretHash = secretHash,
            CreatedMs = nowMs,
            ExpiresMs = expiresMs,
            RequestsPerSecond = requestsPerSecond,
            Grants = grants,
        };
        if (reasons.Count == 0)
        {
            reasons.AddRange(KeyRules.ReasonsAgainst(key, nowMs));
        }
        return key;
    }

    private void ReadMember(string member, JsonElement value)
    {
        switch (member)
        {
            case "name":
                name = Text(member, value);
                break;
            case "expires" when value.ValueKind == JsonValueKind.Null:
            case "requestsPerSecond" when value.ValueKind == JsonValueKind.Null:
                break;
            case "expires":
                if (!Timestamps.TryReadRfc3339(Text(member, value), out expiresMs))
                {
                    reasons.Add(
                        "expires must be a time as RFC 3339 has it, such as \"2030-01-31T12:00:00Z\", or null."
                    );
                }
                break;
            case "requestsPerSecond":
                if (
                    value.ValueKind != JsonValueKind.Number
                    || !value.TryGetInt32(out requestsPerSecond)
                    || requestsPerSecond < 1
                )
                {
                    reasons.Add(
                        $"requestsPerSecond must be a whole number, 1 to {KeyRules.RequestsPerSecondMax}, or null."
                    );
                }
                break;
            case "grants":
                ReadGrants(value);
                break;
            default:
                reasons.Add($"'{member}' is not known; a key has name, expires, requestsPerSecond and grants.");
                break;
        }
    }

    private void ReadGrants(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > KeyRules.GrantsMax)
        {
            reasons.Add($"grants must be an array of 1 to {KeyRules.GrantsMax}.");
            return;
        }
        grants = [.. value.EnumerateArray().Select(ReadGrant)];
    }

    private KeyGrant ReadGrant(JsonElement value, int at)
    {
        var grant = new KeyGrant { Keyspace = "", Allow = KeyRights.None };
        if (value.ValueKind != JsonValueKind.Object)
        {
            reasons.Add($"grants[{at}] must be an object with keyspace and allow.");
            return grant;
        }
        if (value.TryGetProperty("prefix"u8, out _) && value.TryGetProperty("prefix64"u8, out _))
        {
            reasons.Add($"grants[{at}] takes prefix or prefix64, not both.");
        }
        foreach (var member in value.EnumerateObject())
        {
            var path = $"grants[{at}].{member.Name}";
            switch (member.Name)
            {
                case "keyspace":
                    grant = grant with { Keyspace = Text(path, member.Value) };
                    break;
                case "prefix":
                    grant = grant with { Prefix = Encoding.UTF8.GetBytes(Text(path, member.Value)) };
                    break;
                case "prefix64":
                    if (!Base64Text.TryDecode(Text(path, member.Value), out var prefix))
                    {
                        reasons.Add($"{path} must be {Base64Text.Rule}.");
                    }
                    grant = grant with { Prefix = prefix };
                    break;
                case "allow":
                    grant = grant with { Allow = Rights(path, member.Value) };
                    break;
                default:
                    reasons.Add($"{path} is not known; a grant has keyspace, prefix or prefix64, and allow.");
                    break;
            }
        }
        return grant;
    }

    private KeyRights Rights(string path, JsonElement value)
    {
        var rights = KeyRights.None;
        if (value.ValueKind != JsonValueKind.Array)
        {
            reasons.Add($"{path} must be an array of \"read\", \"write\" and \"admin\".");
            return rights;
        }
        foreach (var named in value.EnumerateArray())
        {
            var known = RightNames.All.FirstOrDefault(right =>
                named.ValueKind == JsonValueKind.String && named.ValueEquals(right.Name)
            );
            if (known.Right == KeyRights.None)
            {
                reasons.Add($"{path} must hold only \"read\", \"write\" and \"admin\".");
            }
            rights |= known.Right;
        }
        return rights;
    }

    private string Text(string path, JsonElement value)
    {
        if (value.ValueKind == JsonValueKind.String)
        {
            return value.GetString()!;
        }
        reasons.Add($"{path} must be text.");
        return "";
    }
}
