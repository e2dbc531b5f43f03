using Exapyte.Client.Connections;
using Exapyte.Keyspaces;
using Exapyte.Topology;

namespace Exapyte.Client.Lanes;

/// <summary>What all lanes of a client share.</summary>
internal sealed record LaneContext(
    ExapyteClientOptions Options,
    MonotonicClock Clock,
    DeadlineSweeper Sweeper,
    CallFailures Failures,
    ClientMeter Meter
)
{
    /// <summary>Takes the maps that replies carry.</summary>
    public Action<KeyspaceMap> NewerMap { get; set; } = static _ => { };

    /// <summary>The connections to the cluster of a client that is no node.</summary>
    public required GatewayConnections Gateways { get; init; }

    /// <summary>What the node of this process knows of the others; a client elsewhere knows nothing.</summary>
    public NodeNews News { get; init; } = new();
}
