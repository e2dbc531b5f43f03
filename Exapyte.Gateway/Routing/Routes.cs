namespace Exapyte.Gateway.Routing;

/// <summary>What a target names.</summary>
internal enum GatewayRoute
{
    None,
    Root,
    Live,
    Ready,
    OpenApi,
    Docs,
    Cluster,
    Nodes,
    Node,
    NodeDrain,
    NodeResume,
    Rebalances,
    Rebalance,
    Restores,
    Keys,
    Key,
    Keyspaces,
    Keyspace,
    Shards,
    Splits,
    Backups,
    Batch,
    Import,
    Query,
    Explain,
    Changes,
    Listing,
    Entry,
    Entry64,
    Increment,
    Increment64,
}

/// <summary>A route as documentation shows it, and the methods that it serves.</summary>
internal sealed record RouteDescription(GatewayRoute Route, string Template, params string[] Methods)
{
    /// <summary>The <c>Allow</c> header.</summary>
    public string Allow { get; } = string.Join(", ", Methods);
}

/// <summary>Every route that is served.</summary>
internal static class Routes
{
    private static readonly string[] Documents = [HttpMethods.Get, HttpMethods.Head];
    private static readonly string[] Entries = [HttpMethods.Get, HttpMethods.Head, HttpMethods.Put, HttpMethods.Delete];

    private static readonly string[] Patchable = [.. Entries, HttpMethods.Patch];

    /// <summary>All of them, in the order of <see cref="GatewayRoute"/> without <see cref="GatewayRoute.None"/>.</summary>
    public static readonly IReadOnlyList<RouteDescription> All =
    [
        new(GatewayRoute.Root, "/", Documents),
        new(GatewayRoute.Live, "/livez", Documents),
        new(GatewayRoute.Ready, "/readyz", Documents),
        new(GatewayRoute.OpenApi, "/openapi/v1.json", Documents),
        new(GatewayRoute.Docs, "/docs", Documents),
        new(GatewayRoute.Cluster, "/v1/cluster", Documents),
        new(GatewayRoute.Nodes, "/v1/nodes", Documents),
        new(GatewayRoute.Node, "/v1/nodes/{id}", HttpMethods.Delete),
        new(GatewayRoute.NodeDrain, "/v1/nodes/{id}/drain", HttpMethods.Post),
        new(GatewayRoute.NodeResume, "/v1/nodes/{id}/resume", HttpMethods.Post),
        new(GatewayRoute.Rebalances, "/v1/rebalances", HttpMethods.Get, HttpMethods.Head, HttpMethods.Post),
        new(GatewayRoute.Rebalance, "/v1/rebalances/{id}", HttpMethods.Get, HttpMethods.Head, HttpMethods.Delete),
        new(GatewayRoute.Restores, "/v1/restores", HttpMethods.Post),
        new(GatewayRoute.Keys, "/v1/keys", HttpMethods.Get, HttpMethods.Head, HttpMethods.Post),
        new(GatewayRoute.Key, "/v1/keys/{id}", HttpMethods.Get, HttpMethods.Head, HttpMethods.Delete),
        new(GatewayRoute.Keyspaces, "/v1/keyspaces", Documents),
        new(GatewayRoute.Keyspace, "/v1/keyspaces/{keyspace}", Entries),
        new(GatewayRoute.Shards, "/v1/keyspaces/{keyspace}/shards", Documents),
        new(GatewayRoute.Splits, "/v1/keyspaces/{keyspace}/splits", HttpMethods.Post),
        new(GatewayRoute.Backups, "/v1/keyspaces/{keyspace}/backups", HttpMethods.Post),
        new(GatewayRoute.Batch, "/v1/keyspaces/{keyspace}/batch", HttpMethods.Post),
        new(GatewayRoute.Import, "/v1/keyspaces/{keyspace}/import", HttpMethods.Post),
        new(GatewayRoute.Query, "/v1/keyspaces/{keyspace}/query", HttpMethods.Post),
        new(GatewayRoute.Explain, "/v1/keyspaces/{keyspace}/query/explain", HttpMethods.Post),
        new(GatewayRoute.Changes, "/v1/keyspaces/{keyspace}/changes", HttpMethods.Get),
        new(GatewayRoute.Listing, "/v1/keyspaces/{keyspace}/entries", HttpMethods.Get, HttpMethods.Delete),
        new(GatewayRoute.Entry, "/v1/keyspaces/{keyspace}/entries/{key}", Patchable),
        new(GatewayRoute.Entry64, "/v1/keyspaces/{keyspace}/entries64/{key64}", Patchable),
        new(GatewayRoute.Increment, "/v1/keyspaces/{keyspace}/entries/{key}/increment", HttpMethods.Post),
        new(GatewayRoute.Increment64, "/v1/keyspaces/{keyspace}/entries64/{key64}/increment", HttpMethods.Post),
    ];

    /// <summary>The description of a route.</summary>
    public static RouteDescription Describe(GatewayRoute route) => All[(int)route - 1];

    /// <summary>Whether the route serves the method.</summary>
    public static bool Serves(GatewayRoute route, string method) => Array.IndexOf(Describe(route).Methods, method) >= 0;
}
