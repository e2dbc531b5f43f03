using System.Text;
using Exapyte.Client;
using Exapyte.Operations;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Http;

/// <summary>
/// <c>Exapyte-Served</c>: level, node, region, staleness and cache of an answer. Texts are kept in a small direct-mapped
/// cache: a node's answers differ in little. Thread-safe.
/// </summary>
internal static class ServedHeader
{
    private const int Slots = 256;

    private static readonly Cached?[] Texts = new Cached?[Slots];

    private sealed record Cached(ServedBy Served, StringValues Text);

    /// <summary>Sets the header, where something served the request.</summary>
    public static void Set(IHeaderDictionary headers, ServedBy served)
    {
        if (served.Node.Length > 0)
        {
            headers[Headers.Served] = TextOf(served);
        }
    }

    private static StringValues TextOf(ServedBy served)
    {
        ref var slot = ref Texts[(uint)served.GetHashCode() % Slots];
        var cached = Volatile.Read(ref slot);
        if (cached is null || !cached.Served.Equals(served))
        {
            cached = new(served, new StringValues(Format(served)));
            Volatile.Write(ref slot, cached);
        }
        return cached.Text;
    }

    private static string Format(ServedBy served)
    {
        var text = new StringBuilder("level=")
            .Append(Levels.NameOf(served.Level))
            .Append(";node=")
            .Append(served.Node)
            .Append(";region=")
            .Append(served.Region);
        if (served.StalenessMs >= 0)
        {
            text.Append(";staleness-ms=").Append(served.StalenessMs);
        }
        var whole = text.Append(served.CacheHit ? ";cache=hit" : ";cache=miss").ToString();
        return Headers.IsValue(whole) ? whole : "level=" + Levels.NameOf(served.Level);
    }
}

/// <summary>Names of consistency levels.</summary>
internal static class Levels
{
    /// <summary>The names that a request may hold.</summary>
    public const string Names = "linearizable, bounded, session, eventual, one, quorum or all";

    /// <summary>The level of a name; false where it is none.</summary>
    public static bool TryParse(ReadOnlySpan<char> name, out ConsistencyLevel level)
    {
        level = name switch
        {
            "linearizable" => ConsistencyLevel.Linearizable,
            "bounded" => ConsistencyLevel.Bounded,
            "session" => ConsistencyLevel.Session,
            "eventual" => ConsistencyLevel.Eventual,
            "one" => ConsistencyLevel.One,
            "quorum" => ConsistencyLevel.Quorum,
            "all" => ConsistencyLevel.All,
            _ => ConsistencyLevel.Default,
        };
        return level != ConsistencyLevel.Default;
    }

    /// <summary>The name of a level.</summary>
    public static string NameOf(ConsistencyLevel level) =>
        level switch
        {
            ConsistencyLevel.Linearizable => "linearizable",
            ConsistencyLevel.Bounded => "bounded",
            ConsistencyLevel.Session => "session",
            ConsistencyLevel.Eventual => "eventual",
            ConsistencyLevel.One => "one",
            ConsistencyLevel.Quorum => "quorum",
            ConsistencyLevel.All => "all",
            _ => "default",
        };
}
