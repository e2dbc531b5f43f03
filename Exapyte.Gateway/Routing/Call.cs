using Exapyte.Client;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Security;

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

    /// <summary>The id of what the route names where that is no keyspace; empty where the route has none.</summary>
    public string Id { get; private init; } = "";

    /// <summary>Who calls. Nobody, until the gate has said who it is.</summary>
    public Caller Caller { get; private init; } = Caller.Nobody;

    /// <summary>What its line of work has seen; null where it neither says nor may write.</summary>
    public ClientSession? Session { get; private init; }

    /// <summary>
    /// What a token that the call hands out is good for: the keyspace, and the caller where it is known who that is. No
    /// keyspace's name holds the separator.
    /// </summary>
    public string TokenScope => Caller.Id.Length == 0 ? Keyspace : $"{Keyspace}/{Caller.Id}";

    /// <summary>Why it is refused; else null.</summary>
    public Problem? Refusal { get; }

    /// <summary>What stands behind the <c>?</c>, as it was sent.</summary>
    public ReadOnlySpan<char> Query => queryStart == NoQuery ? [] : rawTarget.AsSpan(queryStart);

    /// <summary>A target that is refused.</summary>
    public static Call Refused(Problem refusal) => new(GatewayRoute.None, "", [], null, NoQuery, refusal);

    /// <summary>A target without keyspace or key.</summary>
    public static Call To(GatewayRoute route, string rawTarget, int queryStart) =>
        new(route, "", [], rawTarget, queryStart, null);

    /// <summary>A target that names a thing by its id.</summary>
    public static Call To(GatewayRoute route, string rawTarget, int queryStart, string id) =>
        new(route, "", [], rawTarget, queryStart, null) { Id = id };

    /// <summary>The same call, as this caller's.</summary>
    public Call By(Caller caller) => this with { Caller = caller };

    /// <summary>The same call, in this session.</summary>
    public Call In(ClientSession session) => this with { Session = session };

    /// <summary>A target in a keyspace.</summary>
    public static Call To(GatewayRoute route, string keyspace, byte[] key, string rawTarget, int queryStart) =>
        new(route, keyspace, key, rawTarget, queryStart, null);

    /// <summary>Refuses what is left of a query where none of it is known.</summary>
    public Problem? RefuseAnyQuery() => Query.IsEmpty ? null : QueryParameters.Read(Query, [], []);
}
