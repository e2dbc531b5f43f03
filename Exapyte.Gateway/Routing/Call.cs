using Exapyte.Gateway.Problems;

namespace Exapyte.Gateway.Routing;

/// <summary>A request target, taken apart. Immutable.</summary>
internal readonly struct Call
{
    private const int NoQuery = -1;

    private readonly string? rawTarget;
    private readonly int queryStart;

    private Call(GatewayRoute route, string keyspace, byte[] key, string? rawTarget, int queryStart, Problem? refusal)
    {
        Route = route;
        Keyspace = keyspace;
        Key = key;
        this.rawTarget = rawTarget;
        this.queryStart = queryStart;
        Refusal = refusal;
    }

    /// <summary>What it names; <see cref="GatewayRoute.None"/> where it is refused.</summary>
    public GatewayRoute Route { get; }

    /// <summary>The keyspace's name; empty where the route has none.</summary>
    public string Keyspace { get; }

    /// <summary>The key's bytes; empty where the route has none.</summary>
    public byte[] Key { get; }

    /// <summary>Why it is refused; else null.</summary>
    public Problem? Refusal { get; }

    /// <summary>What stands behind the <c>?</c>, as it was sent.</summary>
    public ReadOnlySpan<char> Query => queryStart == NoQuery ? [] : rawTarget.AsSpan(queryStart);

    /// <summary>A target that is refused.</summary>
    public static Call Refused(Problem refusal) => new(GatewayRoute.None, "", [], null, NoQuery, refusal);

    /// <summary>A target without keyspace or key.</summary>
    public static Call To(GatewayRoute route, string rawTarget, int queryStart) =>
        new(route, "", [], rawTarget, queryStart, null);

    /// <summary>A target in a keyspace.</summary>
    public static Call To(GatewayRoute route, string keyspace, byte[] key, string rawTarget, int queryStart) =>
        new(route, keyspace, key, rawTarget, queryStart, null);

    /// <summary>Refuses what is left of a query where none of it is known.</summary>
    public Problem? RefuseAnyQuery() => Query.IsEmpty ? null : QueryParameters.Read(Query, [], []);
}
