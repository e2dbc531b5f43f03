using System.Buffers;
using System.Text;
using Exapyte.Gateway.Problems;
using Exapyte.Keyspaces;
using Exapyte.Security;
using Exapyte.Topology;

namespace Exapyte.Gateway.Routing;

/// <summary>
/// Takes the raw request target apart. The server's decoded path is never used: it folds distinct keys together
/// (<c>x%2Fy</c> and <c>x%252Fy</c>) and resolves <c>..</c> across keyspaces. Thread-safe.
/// <list type="number">
/// <item>Origin form (<c>/path?query</c>) or absolute form (<c>http://host/path?query</c>).</item>
/// <item>Printable ASCII only, and no <c>#</c>.</item>
/// <item>No segment <c>.</c> or <c>..</c>, however it is written (<c>%2e</c>, <c>%2F</c>): whether a proxy resolves it
/// must not decide which entry is meant.</item>
/// <item>The path base is taken off; literals and names are compared as written.</item>
/// <item>A key is what stands behind <c>/entries/</c>, percent-decoded exactly once; behind <c>/entries64/</c> that is
/// base64url of it.</item>
/// </list>
/// </summary>
internal sealed class TargetParser(int keyBytesMax)
{
    private const string KeyspacesPath = "/v1/keyspaces";
    private const string KeysPath = "/v1/keys/";
    private const string IncrementSuffix = "/increment";
    private const string NodesPath = "/v1/nodes/";
    private const string RebalancesPath = "/v1/rebalances/";
    private const string SchemeEnd = "://";

    private static readonly SearchValues<char> TargetChars = SearchValues.Create(
        "!\"$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    );

    private readonly NameCache names = new();

    /// <summary>Takes a target apart.</summary>
    /// <param name="rawTarget">The request line's target, as it was sent.</param>
    /// <param name="pathBase">What the host maps the gateway under, decoded; empty for the root.</param>
    /// <param name="isPost">
    /// The method is POST, by which an entry is not written: what ends with <c>/increment</c> is then the call of that name on
    /// the key before it. By any other method it is a key like all others.
    /// </param>
    public Call Parse(string rawTarget, string pathBase, bool isPost = false)
    {
        var target = rawTarget.AsSpan();
        if (target.ContainsAnyExcept(TargetChars))
        {
            return Refuse("The target holds characters other than printable ASCII; percent-encode them.");
        }
        var question = target.IndexOf('?');
        var path = question < 0 ? target : target[..question];
        if (path.IsEmpty || path[0] != '/')
        {
            var scheme = path.IndexOf(SchemeEnd);
            if (scheme <= 0)
            {
                return Refuse("The target must be a path (/v1/...) or a whole URL.");
            }
            path = path[(scheme + SchemeEnd.Length)..];
            var slash = path.IndexOf('/');
            path = slash < 0 ? "/" : path[slash..];
        }
        if (DotSegments.AreIn(path))
        {
            return Refuse(
                "The target holds a segment '.' or '..', which programs in between may resolve. Reach such a key through "
                    + "/entries64/."
            );
        }
        if (pathBase.Length > 0 && !TryTakeOff(pathBase, ref path))
        {
            return Call.Refused(NoSuchRoute(path));
        }
        var queryStart = question < 0 ? -1 : question + 1;
        return path.StartsWith(KeyspacesPath)
            ? ParseInKeyspaces(rawTarget, path, queryStart, isPost)
            : ParseFixed(rawTarget, path, queryStart);
    }

    private static Call ParseFixed(string rawTarget, ReadOnlySpan<char> path, int queryStart)
    {
        if (path.StartsWith(KeysPath) && path.Length > KeysPath.Length)
        {
            var id = path[KeysPath.Length..];
            return KeyRules.IsId(id)
                ? Call.To(GatewayRoute.Key, rawTarget, queryStart, id.ToString())
                : Call.Refused(NoSuchRoute(path));
        }
        if (path.StartsWith(NodesPath))
        {
            return ParseNode(rawTarget, path, queryStart);
        }
        if (path.StartsWith(RebalancesPath))
        {
            var id = path[RebalancesPath.Length..];
            return NodeKey.IsNodeId(id)
                ? Call.To(GatewayRoute.Rebalance, rawTarget, queryStart, id.ToString())
                : Call.Refused(NoSuchRoute(path));
        }
        var route = path switch
        {
            "/" => GatewayRoute.Root,
            "/livez" => GatewayRoute.Live,
            "/readyz" => GatewayRoute.Ready,
            "/openapi/v1.json" => GatewayRoute.OpenApi,
            "/docs" => GatewayRoute.Docs,
            "/v1/cluster" => GatewayRoute.Cluster,
            "/v1/nodes" => GatewayRoute.Nodes,
            "/v1/rebalances" => GatewayRoute.Rebalances,
            "/v1/restores" => GatewayRoute.Restores,
            "/v1/keys" => GatewayRoute.Keys,
            _ => GatewayRoute.None,
        };
        return route == GatewayRoute.None ? Call.Refused(NoSuchRoute(path)) : Call.To(route, rawTarget, queryStart);
    }

    private static Call ParseNode(string rawTarget, ReadOnlySpan<char> path, int queryStart)
    {
        var id = path[NodesPath.Length..];
        var slash = id.IndexOf('/');
        var route = GatewayRoute.Node;
        if (slash >= 0)
        {
            route = id[slash..] switch
            {
                "/drain" => GatewayRoute.NodeDrain,
                "/resume" => GatewayRoute.NodeResume,
                _ => GatewayRoute.None,
            };
            id = id[..slash];
        }
        return route == GatewayRoute.None || !NodeKey.IsNodeId(id)
            ? Call.Refused(NoSuchRoute(path))
            : Call.To(route, rawTarget, queryStart, id.ToString());
    }

    private Call ParseInKeyspaces(string rawTarget, ReadOnlySpan<char> path, int queryStart, bool isPost)
    {
        var rest = path[KeyspacesPath.Length..];
        if (rest.IsEmpty)
        {
            return Call.To(GatewayRoute.Keyspaces, rawTarget, queryStart);
        }
        if (rest[0] != '/' || rest.Length == 1)
        {
            return Call.Refused(NoSuchRoute(path));
        }
        rest = rest[1..];
        var slash = rest.IndexOf('/');
        var name = slash < 0 ? rest : rest[..slash];
        if (!KeyspaceRules.IsName(name))
        {
            return Call.Refused(
                new(
                    ProblemKinds.InvalidKeyspace,
                    $"A keyspace's name is 1 to {KeyspaceRules.NameCharsMax} of a-z 0-9 - _ . with a letter or digit "
                        + "first, and is not percent-encoded."
                )
            );
        }
        var keyspace = names.Get(name);
        if (slash < 0)
        {
            return Call.To(GatewayRoute.Keyspace, keyspace, [], rawTarget, queryStart);
        }
        var tail = rest[(slash + 1)..];
        var isIncrement = isPost && tail.EndsWith(IncrementSuffix) && tail.Count('/') > 1;
        var named = isIncrement ? tail[..^IncrementSuffix.Length] : tail;
        if (tail.StartsWith("entries/"))
        {
            var of = isIncrement ? GatewayRoute.Increment : GatewayRoute.Entry;
            return ParseKey(of, rawTarget, keyspace, named["entries/".Length..], queryStart);
        }
        if (tail.StartsWith("entries64/"))
        {
            var of = isIncrement ? GatewayRoute.Increment64 : GatewayRoute.Entry64;
            return ParseKey64(of, rawTarget, keyspace, named["entries64/".Length..], queryStart);
        }
        var route = tail switch
        {
            "entries" => GatewayRoute.Listing,
            "batch" => GatewayRoute.Batch,
            "import" => GatewayRoute.Import,
            "query" => GatewayRoute.Query,
            "query/explain" => GatewayRoute.Explain,
            "changes" => GatewayRoute.Changes,
            "shards" => GatewayRoute.Shards,
            "splits" => GatewayRoute.Splits,
            "backups" => GatewayRoute.Backups,
            _ => GatewayRoute.None,
        };
        return route == GatewayRoute.None
            ? Call.Refused(NoSuchRoute(path))
            : Call.To(route, keyspace, [], rawTarget, queryStart);
    }

    private Call ParseKey(
        GatewayRoute route,
        string rawTarget,
        string keyspace,
        ReadOnlySpan<char> text,
        int queryStart
    )
    {
        if (!PercentCoding.TryDecode(text, out var key))
        {
            return Refuse("The key holds a '%' that two hex digits do not follow; write a percent sign as %25.");
        }
        return RefuseKey(key) is { } problem
            ? Call.Refused(problem)
            : Call.To(route, keyspace, key, rawTarget, queryStart);
    }

    private Call ParseKey64(
        GatewayRoute route,
        string rawTarget,
        string keyspace,
        ReadOnlySpan<char> text,
        int queryStart
    )
    {
        if (
            !PercentCoding.TryDecode(text, out var ascii)
            || !Base64Text.TryDecode(Encoding.Latin1.GetString(ascii), out var key)
        )
        {
            return Call.Refused(new(ProblemKinds.InvalidKey, $"A key behind /entries64/ must be {Base64Text.Rule}."));
        }
        return RefuseKey(key) is { } problem
            ? Call.Refused(problem)
            : Call.To(route, keyspace, key, rawTarget, queryStart);
    }

    private Problem? RefuseKey(byte[] key) =>
        key.Length == 0
            ? new(ProblemKinds.InvalidKey, "The key is empty. Entries are listed at /entries without a slash.")
        : key.Length > keyBytesMax
            ? new(ProblemKinds.InvalidKey, $"The key is {key.Length} bytes long, more than {keyBytesMax}.")
        : null;

    /// <summary>Takes a path base off: it is decoded and, like the server's own comparison, blind to ASCII case.</summary>
    private static bool TryTakeOff(string pathBase, ref ReadOnlySpan<char> path)
    {
        var at = 0;
        foreach (var wanted in Encoding.UTF8.GetBytes(pathBase))
        {
            if (at >= path.Length)
            {
                return false;
            }
            byte found;
            if (path[at] != '%')
            {
                found = (byte)path[at++];
            }
            else if (PercentCoding.TryEscape(path[at..], out found))
            {
                at += 3;
            }
            else
            {
                return false;
            }
            if (found != wanted && !Ascii.EqualsIgnoreCase([found], [wanted]))
            {
                return false;
            }
        }
        if (at < path.Length && path[at] != '/')
        {
            return false;
        }
        path = at == path.Length ? "/" : path[at..];
        return true;
    }

    private static Call Refuse(string detail) => Call.Refused(new(ProblemKinds.InvalidTarget, detail));

    private static Problem NoSuchRoute(ReadOnlySpan<char> path) =>
        new(
            ProblemKinds.NoSuchRoute,
            $"Nothing is served at '{path[..Math.Min(path.Length, 200)]}'. /docs lists every call."
        );
}

/// <summary>Finds <c>.</c> and <c>..</c> among a path's segments as they would be after percent-decoding.</summary>
internal static class DotSegments
{
    private static readonly SearchValues<char> Suspects = SearchValues.Create(".%");

    /// <summary>Whether a segment is <c>.</c> or <c>..</c>.</summary>
    public static bool AreIn(ReadOnlySpan<char> path)
    {
        if (!path.ContainsAny(Suspects))
        {
            return false;
        }
        var dots = 0;
        var others = 0;
        for (var at = 0; at < path.Length; at++)
        {
            var character = path[at];
            if (character == '%' && PercentCoding.TryEscape(path[at..], out var decoded))
            {
                character = (char)decoded;
                at += 2;
            }
            if (character == '/')
            {
                if (others == 0 && dots is 1 or 2)
                {
                    return true;
                }
                dots = others = 0;
            }
            else if (character == '.')
            {
                dots++;
            }
            else
            {
                others++;
            }
        }
        return others == 0 && dots is 1 or 2;
    }
}
