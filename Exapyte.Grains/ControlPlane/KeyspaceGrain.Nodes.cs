using Exapyte.Topology;
using Exapyte.Wire;
using static Exapyte.Grains.ControlPlane.KeyspaceReplies;

namespace Exapyte.Grains.ControlPlane;

/// <summary>What it says and does about a node that is to go.</summary>
internal sealed partial class KeyspaceGrain
{
    /// <inheritdoc/>
    public async Task<KeyspaceReply> GiveUpNode(string node, bool dryRun)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (
                state.Value.Map is { } map
                && GivenUpNode.ReasonsAgainst(map, node, nodes.Alive) is { Count: > 0 } reasons
            )
            {
                return Reply(KeyspaceOutcome.Conflict, reasons);
            }
            var next = dryRun ? state.Value : state.Value.WithoutNode(node, long.MaxValue);
            if (!ReferenceEquals(next, state.Value) && await Save(next) is { } unsaved)
            {
                return InDoubtGoesOn(Unavailable(unsaved));
            }
        }
        ContinueLater();
        return Reply(KeyspaceOutcome.Ok, []);
    }

    /// <inheritdoc/>
    public async Task<KeyspaceBalance?> Balance(ClusterTopology topology, RebalancePlan? wishes)
    {
        if (await Load() is not null)
        {
            return null;
        }
        if (wishes is not null && look.Wishes.Take(wishes))
        {
            Watch();
        }
        return look.BalanceOf(state.Value.Map, topology, state.Value.MissingMax);
    }

    /// <inheritdoc/>
    public async Task<KeyspaceOnNode[]?> OnNodes(ClusterTopology topology) =>
        await Load() is not null ? null
        : state.Value.Map is { } map ? ReplicaMoves.OnNodes(map, look.ViewOf(map, topology, state.Value.MissingMax))
        : [];
}
