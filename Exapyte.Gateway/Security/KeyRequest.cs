using System.Text.Json;
using Exapyte.Gateway.Http;
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
                grants = new GrantReader(reasons).Read(value, member);
                break;
            default:
                reasons.Add($"'{member}' is not known; a key has name, expires, requestsPerSecond and grants.");
                break;
        }
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
