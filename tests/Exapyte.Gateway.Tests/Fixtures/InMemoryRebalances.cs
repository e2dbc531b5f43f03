using System.Collections.Concurrent;
using Exapyte.Client.Administration;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>Answers about rebalances as it is told, and remembers what it was asked for.</summary>
internal sealed class InMemoryRebalances : IRebalanceAdministration
{
    private static readonly ReplicaMove Move = new()
    {
        Keyspace = "k",
        ShardId = 7,
        From = "n1",
        To = "n2",
        Bytes = 5,
        State = MoveState.Moving,
    };

    /// <summary>A rebalance that is under way.</summary>
    public static Rebalance Running { get; } =
        new()
        {
            Id = 17,
            State = RebalanceState.Running,
            Plan = new() { Moves = [Move], Leaders = [Move with { State = MoveState.Pending, Bytes = 0 }] },
            CreatedMs = 1,
        };

    /// <summary>What was asked for, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>How many of the calls were to change something.</summary>
    public int Commands => Calls.Count(call => call == "start" || call.StartsWith("cancel", StringComparison.Ordinal));

    /// <summary>The answer to every call.</summary>
    public RebalanceReply Reply { get; set; } =
        new()
        {
            Outcome = RebalanceOutcome.Ok,
            Rebalances = [Running],
            Plan = Running.Plan,
        };

    public Task<RebalanceReply> PlanAsync(CancellationToken cancellationToken = default) => Answer("plan");

    public Task<RebalanceReply> StartAsync(CancellationToken cancellationToken = default) => Answer("start");

    public Task<RebalanceReply> ListAsync(CancellationToken cancellationToken = default) => Answer("list");

    public Task<RebalanceReply> GetAsync(long id, CancellationToken cancellationToken = default) => Answer($"get {id}");

    public Task<RebalanceReply> CancelAsync(long id, CancellationToken cancellationToken = default) =>
        Answer($"cancel {id}");

    private Task<RebalanceReply> Answer(string call)
    {
        Calls.Enqueue(call);
        return Task.FromResult(Reply);
    }
}
