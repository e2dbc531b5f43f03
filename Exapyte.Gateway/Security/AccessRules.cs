using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Security;

namespace Exapyte.Gateway.Security;

/// <summary>
/// Which grant each route takes. What only the body or the query names (items of a batch, lines of an import, bounds of a
/// listing, keys that a query can match, the target of a restore) its handler judges by the same <see cref="Caller"/>; here such a call is refused where
/// no such grant is held at all. A route without a rule is refused.
/// </summary>
internal static class AccessRules
{
    /// <summary>Whether the route asks for no key, from wherever it is called.</summary>
    public static bool IsOpen(GatewayRoute route) => route == GatewayRoute.Live;

    /// <summary>Whether the route asks for no key where it is called on a loopback address.</summary>
    public static bool IsOpenOnLoopback(GatewayRoute route) =>
        route is GatewayRoute.Root or GatewayRoute.Ready or GatewayRoute.OpenApi or GatewayRoute.Docs;

    /// <summary>Whether the call changes or copies more than entries: it is written down whoever makes it.</summary>
    public static bool IsAdministrative(GatewayRoute route, string method) =>
        route switch
        {
            GatewayRoute.Backups or GatewayRoute.Restores or GatewayRoute.Splits => true,
            GatewayRoute.Node or GatewayRoute.NodeDrain or GatewayRoute.NodeResume => true,
            GatewayRoute.Rebalances or GatewayRoute.Rebalance => !IsRead(method),
            GatewayRoute.Keyspace or GatewayRoute.Keys or GatewayRoute.Key => !IsRead(method),
            _ => false,
        };

    /// <summary>The problem where the caller may not make the call; else null.</summary>
    public static Problem? Judge(Caller caller, in Call call, string method) =>
        call.Route switch
        {
            GatewayRoute.Root or GatewayRoute.Live or GatewayRoute.Ready => null,
            GatewayRoute.OpenApi or GatewayRoute.Docs => null,
            // What they show is cut to what the caller sees.
            GatewayRoute.Cluster or GatewayRoute.Keyspaces => null,
            GatewayRoute.Nodes or GatewayRoute.Node or GatewayRoute.NodeDrain or GatewayRoute.NodeResume =>
                caller.RefuseIn(KeyRights.Admin, KeyGrant.EveryKeyspace),
            GatewayRoute.Rebalances or GatewayRoute.Rebalance => caller.RefuseIn(
                KeyRights.Admin,
                KeyGrant.EveryKeyspace
            ),
            GatewayRoute.Keys or GatewayRoute.Key => caller.RefuseIn(KeyRights.Admin, KeyGrant.EveryKeyspace),
            GatewayRoute.Restores => RefuseRestore(caller),
            GatewayRoute.Keyspace => IsRead(method)
                ? caller.RefuseSomewhere(KeyRights.None, call.Keyspace)
                : caller.RefuseIn(KeyRights.Admin, call.Keyspace),
            GatewayRoute.Shards => caller.May(KeyRights.Admin, call.Keyspace)
                ? null
                : caller.RefuseIn(KeyRights.Read, call.Keyspace),
            GatewayRoute.Backups or GatewayRoute.Splits => caller.RefuseIn(KeyRights.Admin, call.Keyspace),
            GatewayRoute.Batch => caller.MaySomewhere(KeyRights.Write, call.Keyspace)
                ? null
                : caller.RefuseSomewhere(KeyRights.Read, call.Keyspace),
            GatewayRoute.Import => caller.RefuseSomewhere(KeyRights.Write, call.Keyspace),
            GatewayRoute.Listing when !IsRead(method) => caller.RefuseSomewhere(KeyRights.Write, call.Keyspace),
            GatewayRoute.Listing or GatewayRoute.Changes or GatewayRoute.Query or GatewayRoute.Explain =>
                caller.RefuseSomewhere(KeyRights.Read, call.Keyspace),
            GatewayRoute.Entry or GatewayRoute.Entry64 => caller.RefuseAt(
                IsRead(method) ? KeyRights.Read : KeyRights.Write,
                call.Keyspace,
                call.Key
            ),
            // It tells what the entry is.
            GatewayRoute.Increment or GatewayRoute.Increment64 => caller.RefuseAt(
                KeyRights.Write,
                call.Keyspace,
                call.Key
            ) ?? caller.RefuseAt(KeyRights.Read, call.Keyspace, call.Key),
            _ => new(ProblemKinds.Forbidden, "No grant covers this call."),
        };

    /// <summary>The problem where an archive may not be restored into the keyspace; null: the one that it names itself.</summary>
    public static Problem? JudgeRestore(Caller caller, string? keyspace) =>
        keyspace is not null ? caller.RefuseIn(KeyRights.Admin, keyspace)
        : caller.MayEverywhere(KeyRights.Admin) ? null
        : new(
            ProblemKinds.Forbidden,
            "The key lacks a grant: an archive may name any keyspace. Name the one to restore into (?keyspace=)."
        );

    private static Problem? RefuseRestore(Caller caller) =>
        Array.Exists(caller.Grants, grant => grant.Prefix.IsEmpty && grant.Allow.HasFlag(KeyRights.Admin))
            ? null
            : caller.RefuseIn(KeyRights.Admin, KeyGrant.EveryKeyspace);

    private static bool IsRead(string method) => HttpMethods.IsGet(method) || HttpMethods.IsHead(method);
}
