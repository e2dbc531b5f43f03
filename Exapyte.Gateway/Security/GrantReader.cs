using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>
/// Reads grants: <c>[{keyspace, prefix | prefix64, allow}]</c>. Whatever is not understood is refused, all of it at once: a
/// misspelt member must not allow more.
/// </summary>
internal sealed class GrantReader(List<string> reasons)
{
    /// <summary>The grants; what is wrong with them goes to the reasons.</summary>
    /// <param name="value">The array.</param>
    /// <param name="name">What it is called where it stands.</param>
    public KeyGrant[] Read(JsonElement value, string name)
    {
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() > KeyRules.GrantsMax)
        {
            reasons.Add($"{name} must be an array of 1 to {KeyRules.GrantsMax}.");
            return [];
        }
        return [.. value.EnumerateArray().Select((grant, at) => ReadGrant(grant, $"{name}[{at}]"))];
    }

    private KeyGrant ReadGrant(JsonElement value, string at)
    {
        var grant = new KeyGrant { Keyspace = "", Allow = KeyRights.None };
        if (value.ValueKind != JsonValueKind.Object)
        {
            reasons.Add($"{at} must be an object with keyspace and allow.");
            return grant;
        }
        if (value.TryGetProperty("prefix"u8, out _) && value.TryGetProperty("prefix64"u8, out _))
        {
            reasons.Add($"{at} takes prefix or prefix64, not both.");
        }
        foreach (var member in value.EnumerateObject())
        {
            var path = $"{at}.{member.Name}";
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
