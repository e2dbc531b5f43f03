using Exapyte.Keyspaces;
using Exapyte.Wire;
using Orleans.Concurrency;

namespace Exapyte.Grains.Nodes;

/// <summary>Answers with the maps of the silo it runs in, and asks the control plane where they will not do.</summary>
[StatelessWorker(1), Reentrant]
internal sealed class MapGrain(NodeHost host) : Grain, IMapGrain
{
    /// <inheritdoc/>
    public async ValueTask<KeyspaceMap?> Find(string keyspace, long newerThan)
    {
        var own = host.Maps.Find(keyspace);
        if (own is not null && own.Epoch > newerThan)
        {
            return own;
        }
        var reply = await GrainFactory.GetGrain<IKeyspaceGrain>(keyspace).Get();
        switch (reply.Outcome)
        {
            case KeyspaceOutcome.Ok when reply.Map is { } current:
                await host.ApplyMap(current);
                return current;
            case KeyspaceOutcome.Unavailable:
                // Null would say that there is no such keyspace, and nobody knows.
                return own ?? throw new ControlPlaneUnavailableException(string.Join(' ', reply.Reasons));
            default:
                return null;
        }
    }
}
