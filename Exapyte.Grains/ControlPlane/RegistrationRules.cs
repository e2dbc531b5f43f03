using Exapyte.Topology;

namespace Exapyte.Grains.ControlPlane;

/// <summary>What becomes of a registration.</summary>
/// <param name="Refusal">Why it is refused, and what to do; null where it is not.</param>
/// <param name="Next">The state to store; null where it is refused.</param>
/// <param name="Replaces">The node's old replicas must be retired before the node may serve.</param>
internal readonly record struct RegistrationDecision(string? Refusal, ControlPlaneState? Next, bool Replaces = false);

/// <summary>Decides registrations. Pure.</summary>
internal static class RegistrationRules
{
    private const int NameCharsMax = 63;
    private const int AddressCharsMax = 2_048;
    private const int NodesMax = 1_000;

    /// <summary>Whether the node is known with another data folder, so that the old one must be known to be gone.</summary>
    public static bool IsReplacement(ControlPlaneState state, NodeRegistration registration) =>
        state.NodeOf(registration.Node) is { } known && known.Registration.StoreId != registration.StoreId;

    /// <summary>Decides.</summary>
    /// <param name="state">The nodes so far.</param>
    /// <param name="registration">What the node says.</param>
    /// <param name="activeMembers">Active members of the cluster with the node's name, the caller among them.</param>
    /// <param name="nowMs">Unix milliseconds.</param>
    public static RegistrationDecision Decide(
        ControlPlaneState state,
        NodeRegistration registration,
        int activeMembers,
        long nowMs
    )
    {
        if (ReasonAgainst(registration) is { } reason)
        {
            return new(reason, null);
        }
        if (registration.ClusterId != 0 && registration.ClusterId != state.ClusterId)
        {
            return new(OfAnotherCluster(state, registration), null);
        }
        if (state.IsRemoved(registration.Node, registration.StoreId))
        {
            return new(
                $"Node '{registration.Node}' was removed from the cluster with this data folder, whose replicas others have "
                    + "by now. Start it with an empty data folder.",
                null
            );
        }
        if (state.NodeOf(registration.Node) is not { } known)
        {
            return state.Nodes.Length >= NodesMax
                ? new($"The cluster has {NodesMax} nodes, and that is the most.", null)
                : new(null, state.WithNode(Entered(registration, nowMs, state.NodeEpoch + 1), state.NodeEpoch + 1));
        }
        if (known.Registration.StoreId != registration.StoreId)
        {
            return Replacement(state, registration, activeMembers);
        }
        var changed =
            known.Registration with { SoftwareVersion = registration.SoftwareVersion } != registration
            || state.ReplacementOf(registration.Node) is not null;
        var refreshed = known with { Registration = registration, RegisteredMs = nowMs };
        return new(null, state.WithNode(refreshed, state.NodeEpoch + (changed ? 1 : 0)));
    }

    /// <summary>The state once all old replicas are retired; null where another registration came in between.</summary>
    public static ControlPlaneState? Completed(ControlPlaneState state, NodeRegistration registration, long nowMs) =>
        state.ReplacementOf(registration.Node) is { } begun && begun.Registration.StoreId == registration.StoreId
            ? state.WithNode(
                Entered(registration, nowMs, begun.NodeEpoch) with
                {
                    Draining = state.NodeOf(registration.Node)?.Draining ?? false,
                },
                state.NodeEpoch + 1
            )
            : null;

    private static RegistrationDecision Replacement(
        ControlPlaneState state,
        NodeRegistration registration,
        int activeMembers
    )
    {
        if (activeMembers > 1)
        {
            return new(
                $"Node '{registration.Node}' is alive with another data folder. Give this one another node id, or stop "
                    + "the other one and start this one again once the cluster counts it as dead.",
                null
            );
        }
        var begun = state.ReplacementOf(registration.Node);
        return new(
            null,
            begun?.Registration.StoreId == registration.StoreId ? state : state.WithReplacement(registration),
            Replaces: true
        );
    }

    // Accepted, such a node would be told that none of its replicas exists, and would destroy them.
    private static string OfAnotherCluster(ControlPlaneState state, NodeRegistration registration) =>
        state.ClusterId == 0
            ? $"The data of node '{registration.Node}' belongs to a cluster, and the control-plane database is empty. "
                + "Restore the database, or start the node with an empty data folder."
            : $"The data of node '{registration.Node}' belongs to another cluster than the control-plane database. "
                + "Point the node at its own database, or start it with an empty data folder.";

    private static NodeInfo Entered(NodeRegistration registration, long nowMs, long sinceNodeEpoch) =>
        new()
        {
            SinceNodeEpoch = sinceNodeEpoch,
            Registration = registration,
            FirstSeenMs = nowMs,
            RegisteredMs = nowMs,
        };

    private static string? ReasonAgainst(NodeRegistration registration)
    {
        if (!NodeKey.IsNodeId(registration.Node))
        {
            return "A node id is 1 to 63 of a-z 0-9 -, with a letter or digit first and last, "
                + $"not '{registration.Node}'.";
        }
        if (registration.StoreId == 0)
        {
            return $"Node '{registration.Node}' has no store id: its data folder has not been opened.";
        }
        if (registration.Region.Length > NameCharsMax || registration.Zone.Length > NameCharsMax)
        {
            return $"The region and the zone of node '{registration.Node}' may have {NameCharsMax} characters each.";
        }
        if (registration.Weight is < 0 or > NodeRegistration.WeightMax)
        {
            return $"The weight of node '{registration.Node}' must be 1 to {NodeRegistration.WeightMax}.";
        }
        return registration.HttpAddress.Length > AddressCharsMax
            ? $"The HTTP address of node '{registration.Node}' may have {AddressCharsMax} characters."
            : null;
    }
}
