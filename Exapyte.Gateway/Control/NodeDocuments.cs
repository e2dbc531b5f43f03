using System.Globalization;
using Exapyte.Gateway.Http;
using Exapyte.Topology;

namespace Exapyte.Gateway.Control;

/// <summary>The answer to a drain and to its end.</summary>
internal sealed record NodeCommandDocument(string Id, bool Draining);

/// <summary>A node. What nobody could be asked for is left out.</summary>
internal sealed record NodeDocument(
    string Id,
    bool Alive,
    string State,
    string? Reason,
    string Region,
    string Zone,
    int Weight,
    long? Bytes,
    int? Replicas,
    int? Leaders,
    string? HttpAddress,
    string? SoftwareVersion,
    string StoreId,
    string FirstSeen,
    string Registered
)
{
    public static NodeDocument Of(NodeReport report)
    {
        var node = report.Info;
        return new(
            node.Registration.Node,
            node.Alive,
            NameOf(report.State),
            report.Reasons.Length == 0 ? null : string.Join(' ', report.Reasons),
            node.Registration.Region,
            node.Registration.Zone,
            node.Weight,
            report.Load?.Bytes,
            report.Replicas,
            report.Load?.Leaders,
            node.Registration.HttpAddress.Length == 0 ? null : node.Registration.HttpAddress,
            node.Registration.SoftwareVersion.Length == 0 ? null : node.Registration.SoftwareVersion,
            node.Registration.StoreId.ToString("x16", CultureInfo.InvariantCulture),
            Timestamps.Rfc3339(node.FirstSeenMs),
            Timestamps.Rfc3339(node.RegisteredMs)
        );
    }

    private static string NameOf(NodeState state) =>
        state switch
        {
            NodeState.Joining => "joining",
            NodeState.Up => "up",
            NodeState.Suspect => "suspect",
            NodeState.Draining => "draining",
            NodeState.Drained => "drained",
            NodeState.Down => "down",
            NodeState.Removed => "removed",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "This state has no name."),
        };
}

/// <summary>GET /v1/nodes.</summary>
internal sealed record NodesDocument(long NodeEpoch, IReadOnlyList<NodeDocument> Nodes)
{
    public static NodesDocument Of(NodesReport report) =>
        new(report.NodeEpoch, [.. report.Nodes.Select(NodeDocument.Of)]);

    /// <summary>Of nodes about which nobody could be asked.</summary>
    public static NodesDocument Of(ClusterTopology topology) =>
        new(
            topology.NodeEpoch,
            [
                .. topology.Nodes.Select(node =>
                    NodeDocument.Of(
                        new()
                        {
                            Info = node,
                            State =
                                node.Draining ? NodeState.Draining
                                : node.Alive ? NodeState.Up
                                : NodeState.Down,
                        }
                    )
                ),
            ]
        );
}
