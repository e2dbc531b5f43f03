using System.Globalization;
using Exapyte.Gateway.Http;
using Exapyte.Topology;

namespace Exapyte.Gateway.Control;

/// <summary>A replica that is to move, or a leader that is to be handed over, and how far that is once it has been begun.</summary>
internal sealed record MoveDocument(string Keyspace, long Shard, string From, string To, long? Bytes, string? State)
{
    /// <summary>A planned move, which has no state yet.</summary>
    public static MoveDocument Planned(ReplicaMove move) =>
        new(move.Keyspace, move.ShardId, move.From, move.To, move.Bytes, null);

    /// <summary>A move of a rebalance.</summary>
    public static MoveDocument Of(ReplicaMove move) => Planned(move) with { State = NameOf(move.State) };

    /// <summary>The same of a leader, which takes nothing along.</summary>
    public static MoveDocument OfLeader(ReplicaMove move) => Of(move) with { Bytes = null };

    private static string NameOf(MoveState state) =>
        state switch
        {
            MoveState.Pending => "pending",
            MoveState.Moving => "moving",
            MoveState.Done => "done",
            MoveState.Skipped => "skipped",
            MoveState.Cancelled => "cancelled",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "This state has no name."),
        };
}

/// <summary>POST /v1/rebalances?dryRun.</summary>
internal sealed record RebalancePlanDocument(IReadOnlyList<MoveDocument> Moves, IReadOnlyList<MoveDocument> Leaders)
{
    public static RebalancePlanDocument Of(RebalancePlan plan) =>
        new(
            [.. plan.Moves.Select(MoveDocument.Planned)],
            [.. plan.Leaders.Select(move => MoveDocument.Planned(move) with { Bytes = null })]
        );
}

/// <summary>POST /v1/rebalances.</summary>
internal sealed record RebalanceBegunDocument(string Id);

/// <summary>GET /v1/rebalances/{id}. Ids are text: they may not fit a JavaScript number.</summary>
internal sealed record RebalanceDocument(
    string Id,
    string State,
    bool Automatic,
    string Created,
    string? Ended,
    IReadOnlyList<MoveDocument> Moves,
    IReadOnlyList<MoveDocument> Leaders
)
{
    public static RebalanceDocument Of(Rebalance rebalance) =>
        new(
            IdOf(rebalance),
            NameOf(rebalance.State),
            rebalance.Automatic,
            Timestamps.Rfc3339(rebalance.CreatedMs),
            rebalance.EndedMs == 0 ? null : Timestamps.Rfc3339(rebalance.EndedMs),
            [.. rebalance.Plan.Moves.Select(MoveDocument.Of)],
            [.. rebalance.Plan.Leaders.Select(MoveDocument.OfLeader)]
        );

    public static string IdOf(Rebalance rebalance) => rebalance.Id.ToString(CultureInfo.InvariantCulture);

    private static string NameOf(RebalanceState state) =>
        state switch
        {
            RebalanceState.Planned => "planned",
            RebalanceState.Running => "running",
            RebalanceState.Done => "done",
            RebalanceState.Cancelled => "cancelled",
            _ => throw new ArgumentOutOfRangeException(nameof(state), state, "This state has no name."),
        };
}

/// <summary>GET /v1/rebalances.</summary>
internal sealed record RebalancesDocument(IReadOnlyList<RebalanceDocument> Rebalances);
