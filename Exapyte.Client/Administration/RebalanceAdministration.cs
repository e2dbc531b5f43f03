using Exapyte.Wire;

namespace Exapyte.Client.Administration;

/// <summary>
/// Spreads the replicas and leaders of a cluster evenly over its nodes by weight. Thread-safe; expected failures are outcomes.
/// </summary>
public interface IRebalanceAdministration
{
    /// <summary>What a rebalance would move now. Nothing moves.</summary>
    Task<RebalanceReply> PlanAsync(CancellationToken cancellationToken = default);

    /// <summary>Begins a rebalance; Conflict with the one that is under way.</summary>
    Task<RebalanceReply> StartAsync(CancellationToken cancellationToken = default);

    /// <summary>The rebalances that are remembered, the latest first.</summary>
    Task<RebalanceReply> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>One rebalance, as far as it is.</summary>
    Task<RebalanceReply> GetAsync(long id, CancellationToken cancellationToken = default);

    /// <summary>Begins no further move of it; what has begun is finished or undone. Conflict where it was done before.</summary>
    Task<RebalanceReply> CancelAsync(long id, CancellationToken cancellationToken = default);
}

/// <summary>See <see cref="IRebalanceAdministration"/>.</summary>
internal sealed class RebalanceAdministration(IGrainFactory grains, GrainCalls calls) : IRebalanceAdministration
{
    private IRebalanceGrain Rebalances => grains.GetGrain<IRebalanceGrain>(0);

    public Task<RebalanceReply> PlanAsync(CancellationToken cancellationToken = default) =>
        CallAsync(() => Rebalances.Plan(), changes: false, cancellationToken);

    public Task<RebalanceReply> StartAsync(CancellationToken cancellationToken = default) =>
        CallAsync(() => Rebalances.Start(), changes: true, cancellationToken);

    public Task<RebalanceReply> ListAsync(CancellationToken cancellationToken = default) =>
        CallAsync(() => Rebalances.List(), changes: false, cancellationToken);

    public Task<RebalanceReply> GetAsync(long id, CancellationToken cancellationToken = default) =>
        CallAsync(() => Rebalances.Get(id), changes: false, cancellationToken);

    public Task<RebalanceReply> CancelAsync(long id, CancellationToken cancellationToken = default) =>
        CallAsync(() => Rebalances.Cancel(id), changes: true, cancellationToken);

    private async Task<RebalanceReply> CallAsync(
        Func<Task<RebalanceReply>> call,
        bool changes,
        CancellationToken cancellationToken
    ) =>
        (await calls.TryAsync(call, cancellationToken)).Value
        ?? new()
        {
            Outcome = RebalanceOutcome.Unavailable,
            Reasons =
            [
                changes
                    ? "The control plane did not answer; the command may or may not have been carried out. "
                        + "GET /v1/rebalances says so."
                    : "The control plane did not answer.",
            ],
            InDoubt = changes,
        };
}
