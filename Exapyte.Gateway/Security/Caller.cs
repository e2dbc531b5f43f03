using Exapyte.Gateway.Problems;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>Who sent a request, and what they may do. Immutable; one a key, shared by its requests.</summary>
/// <param name="Id">The key's id; empty where nobody was asked.</param>
/// <param name="Grants">What is allowed.</param>
internal sealed record Caller(string Id, KeyGrant[] Grants)
{
    /// <summary>Whoever it is, where nobody is authenticated.</summary>
    public static readonly Caller Anyone = new(
        "",
        [new() { Keyspace = KeyGrant.EveryKeyspace, Allow = KeyRights.Read | KeyRights.Write | KeyRights.Admin }]
    );

    /// <summary>Somebody who showed no key where none is asked for: may do nothing that takes one.</summary>
    public static readonly Caller Nobody = new("", []);

    /// <summary>Whether the right is granted at a key, or everywhere below a prefix.</summary>
    public bool May(KeyRights right, string keyspace, ReadOnlySpan<byte> keyOrPrefix)
    {
        foreach (var grant in Grants)
        {
            if (grant.Covers(right, keyspace, keyOrPrefix))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Whether the right is granted on the whole keyspace.</summary>
    public bool May(KeyRights right, string keyspace) => May(right, keyspace, []);

    /// <summary>Whether the right is granted on every keyspace.</summary>
    public bool MayEverywhere(KeyRights right) => May(right, KeyGrant.EveryKeyspace);

    /// <summary>Whether anything is granted in the keyspace: else it does not exist for the caller.</summary>
    public bool Sees(string keyspace) => Array.Exists(Grants, grant => grant.Concerns(KeyRights.None, keyspace));

    /// <summary>Whether the right is granted on some keys of the keyspace.</summary>
    public bool MaySomewhere(KeyRights right, string keyspace) =>
        Array.Exists(Grants, grant => grant.Concerns(right, keyspace));

    /// <summary>The problem where the right is not granted at the key; else null.</summary>
    public Problem? RefuseAt(KeyRights right, string keyspace, ReadOnlySpan<byte> key) =>
        May(right, keyspace, key)
            ? null
            : Missing(right, $"on keyspace '{keyspace}' with a prefix that this entry's key begins with");

    /// <summary>The problem where the right is not granted below the prefix; else null.</summary>
    public Problem? RefuseBelow(KeyRights right, string keyspace, ReadOnlySpan<byte> prefix) =>
        May(right, keyspace, prefix) ? null
        : MaySomewhere(right, keyspace)
            ? Missing(right, $"on all that it names of keyspace '{keyspace}': name a prefix inside of a granted one")
        : Missing(right, $"on keyspace '{keyspace}'");

    /// <summary>
    /// The problem where the right is not granted on all keys from one to another; else null. They must lie inside of one grant.
    /// </summary>
    /// <param name="right">The right.</param>
    /// <param name="keyspace">The keyspace.</param>
    /// <param name="start">The first key that there can be.</param>
    /// <param name="end">The key behind the last; null: there is no last.</param>
    public Problem? RefuseBetween(KeyRights right, string keyspace, ReadOnlySpan<byte> start, ReadOnlyMemory<byte>? end)
    {
        foreach (var grant in Grants)
        {
            if (grant.Covers(right, keyspace, start) && EndsInside(grant.Prefix.Span, end))
            {
                return null;
            }
        }
        return MaySomewhere(right, keyspace)
            ? Missing(
                right,
                $"on all keys of keyspace '{keyspace}' that it may look at: bound it by a granted prefix, such as "
                    + "key.startsWith('..') && (..)"
            )
            : Missing(right, $"on keyspace '{keyspace}'");
    }

    /// <summary>Whether what begins inside of a prefix also ends there.</summary>
    private static bool EndsInside(ReadOnlySpan<byte> prefix, ReadOnlyMemory<byte>? end)
    {
        // The first key behind all that begin with the prefix; all bytes of a prefix may be the greatest there are: then none is.
        var length = prefix.TrimEnd(byte.MaxValue).Length;
        if (length == 0)
        {
            return true;
        }
        return end is { } last
            && (last.Span.StartsWith(prefix) || (last.Length == length && IsNext(prefix[..length], last.Span)));
    }

    private static bool IsNext(ReadOnlySpan<byte> prefix, ReadOnlySpan<byte> next) =>
        next[..^1].SequenceEqual(prefix[..^1]) && next[^1] == prefix[^1] + 1;

    /// <summary>The problem where the right is not granted on the whole keyspace; else null.</summary>
    public Problem? RefuseIn(KeyRights right, string keyspace) =>
        May(right, keyspace) ? null
        : keyspace == KeyGrant.EveryKeyspace ? Missing(right, "on every keyspace (\"*\"), without a prefix")
        : Missing(right, $"on keyspace '{keyspace}', without a prefix");

    /// <summary>The problem where the right is not granted on any key of the keyspace; else null.</summary>
    public Problem? RefuseSomewhere(KeyRights right, string keyspace) =>
        MaySomewhere(right, keyspace) ? null : Missing(right, $"on keyspace '{keyspace}'");

    private static Problem Missing(KeyRights right, string where) =>
        new(ProblemKinds.Forbidden, $"The key lacks a grant: this call needs '{NameOf(right)}' {where}.");

    private static string NameOf(KeyRights right) =>
        right switch
        {
            KeyRights.Read => "read",
            KeyRights.Write => "write",
            KeyRights.Admin => "admin",
            _ => "read, write or admin",
        };
}
