using System.Buffers;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Security;

/// <summary>What a key must be. Every check names every reason at once.</summary>
public static class KeyRules
{
    /// <summary>Most keys of a cluster.</summary>
    public const int KeysMax = 1_000;

    /// <summary>Most grants of a key.</summary>
    public const int GrantsMax = 32;

    /// <summary>Longest name, in characters.</summary>
    public const int NameCharsMax = 100;

    /// <summary>Most requests a second that a key can be bounded to.</summary>
    public const int RequestsPerSecondMax = 1_000_000;

    /// <summary>The id of the key that is there from the first start.</summary>
    public const string RootId = "root";

    private const int IdCharsMax = 40;
    private static readonly SearchValues<char> IdChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>Whether the text can be a key's id: 1 to 40 of <c>a-z 0-9 -</c>.</summary>
    public static bool IsId(ReadOnlySpan<char> id) =>
        id.Length is > 0 and <= IdCharsMax && !id.ContainsAnyExcept(IdChars);

    /// <summary>Why it cannot be a key; empty where it can.</summary>
    /// <param name="key">The key.</param>
    /// <param name="nowMs">Now, in Unix milliseconds.</param>
    public static IReadOnlyList<string> ReasonsAgainst(ApiKey key, long nowMs)
    {
        ArgumentNullException.ThrowIfNull(key);
        List<string> reasons = [];
        if (key.Name.Length is 0 or > NameCharsMax || key.Name.Any(char.IsControl))
        {
            reasons.Add($"name must be 1 to {NameCharsMax} characters, none of them a control character.");
        }
        if (key.ExpiresMs != 0 && key.ExpiresMs <= nowMs)
        {
            reasons.Add("expires must be in the future.");
        }
        if (key.RequestsPerSecond is < 0 or > RequestsPerSecondMax)
        {
            reasons.Add($"requestsPerSecond must be 1 to {RequestsPerSecondMax}.");
        }
        reasons.AddRange(ReasonsAgainst(key.Grants));
        return reasons;
    }

    /// <summary>Why they cannot be somebody's grants; empty where they can.</summary>
    public static IReadOnlyList<string> ReasonsAgainst(KeyGrant[] grants)
    {
        ArgumentNullException.ThrowIfNull(grants);
        List<string> reasons = [];
        if (grants.Length is 0 or > GrantsMax)
        {
            reasons.Add($"grants must hold 1 to {GrantsMax}, not {grants.Length}.");
        }
        for (var at = 0; at < Math.Min(grants.Length, GrantsMax); at++)
        {
            AddReasons(reasons, grants[at], at);
        }
        return reasons;
    }

    private static void AddReasons(List<string> reasons, KeyGrant grant, int at)
    {
        if (grant.Keyspace != KeyGrant.EveryKeyspace && !KeyspaceRules.IsName(grant.Keyspace))
        {
            reasons.Add($"grants[{at}].keyspace must be a keyspace's name or \"{KeyGrant.EveryKeyspace}\".");
        }
        if (grant.Prefix.Length > Limits.KeyBytesMax)
        {
            reasons.Add($"grants[{at}].prefix is {grant.Prefix.Length} bytes long, more than {Limits.KeyBytesMax}.");
        }
        const KeyRights all = KeyRights.Read | KeyRights.Write | KeyRights.Admin;
        if (grant.Allow == KeyRights.None || (grant.Allow & ~all) != KeyRights.None)
        {
            reasons.Add($"grants[{at}].allow must name at least one of read, write and admin.");
        }
    }
}
