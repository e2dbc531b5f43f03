using Exapyte.Grains.ControlPlane;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Exapyte.Grains.Balance;

/// <summary>Owns the rebalances: plans them, stores them, and has keyspaces carry them out.</summary>
/// <remarks>
/// A plan is stored before anything is wished of a keyspace. While it is under way each keyspace is told again and again what
/// is wished of it, and answers with its map, from which it is seen how far it is; so an activation that dies leaves nothing
/// behind but the plan, and the next one goes on with it. How far the moves are is stored once they are over. A cancelled
/// rebalance wishes nothing any more: a raft group ends the change that it is in, a leaderless shard that has grown shrinks
/// back.
/// </remarks>
[Reentrant, KeepAlive]
internal sealed partial class RebalanceGrain : Grain, IRebalanceGrain
{
    private const string StateName = "rebalances";

    private readonly CommandGate gate = new();
    private readonly DurableState<RebalanceHistory> state;
    private readonly BalanceSurvey survey;
    private readonly Absences absences;
    private readonly BalanceTrigger trigger;
    private readonly ControlPlaneOptions options;
    private readonly TimeProvider time;
    private readonly ILogger<RebalanceGrain> logger;

    /// <summary>The rebalances with moves that are not over, as they were last seen.</summary>
    private readonly Dictionary<long, Rebalance> seen = [];
    private IGrainTimer? timer;

    public RebalanceGrain(
        IGrainContext context,
        IGrainFactory grains,
        [FromKeyedServices(ControlPlaneOptions.Storage)] IGrainStorage storage,
        TimeProvider time,
        IOptions<ControlPlaneOptions> options,
        ILogger<RebalanceGrain> logger
    )
    {
        this.options = options.Value;
        this.time = time;
        this.logger = logger;
        absences = new(time);
        trigger = new(this.options.AutoBalanceAfter, time);
        survey = new(grains, this.options, logger);
        state = new(StateName, context.GrainId, storage, this.options.StorageTimeout, logger);
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        timer = this.RegisterGrainTimer(
            OnTimer,
            new GrainTimerCreationOptions(TimeSpan.Zero, options.ChangeWatchInterval)
            {
                Interleave = true,
                KeepAlive = true,
            }
        );
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<RebalanceReply> Plan() =>
        await survey.Now() is { } view ? new() { Outcome = RebalanceOutcome.Ok, Plan = view.Plan() } : NotAsked();

    /// <inheritdoc/>
    public async Task<RebalanceReply> Start()
    {
        if (await Loaded() is { } unread)
        {
            return unread;
        }
        if (state.IsKnown && state.Value.Open is { } open)
        {
            return UnderWay(open);
        }
        return await survey.Now() is { } view ? await Begin(view, automatic: false) : NotAsked();
    }

    /// <inheritdoc/>
    public async Task<RebalanceReply> List() => await Loaded() ?? Ok([.. state.Value.All.Reverse().Select(AsSeen)]);

    /// <inheritdoc/>
    public async Task<RebalanceReply> Get(long id) =>
        await Loaded() ?? (state.Value.Find(id) is { } found ? Ok(AsSeen(found)) : NotFound(id));

    /// <inheritdoc/>
    public async Task<RebalanceReply> Cancel(long id)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.Find(id) is not { } found)
            {
                return NotFound(id);
            }
            if (found.State == RebalanceState.Done)
            {
                return new()
                {
                    Outcome = RebalanceOutcome.Conflict,
                    Reasons = [$"Rebalance {id} is done: there is nothing to cancel."],
                    Rebalances = [found],
                };
            }
            if (found.IsOpen)
            {
                var cancelled = AsSeen(found) with { State = RebalanceState.Cancelled, EndedMs = NowMs };
                if (await Save(state.Value.WithChanged(cancelled)) is { } unsaved)
                {
                    return Unavailable(unsaved);
                }
                seen[id] = cancelled;
                LogCancelled(logger, id);
            }
        }
        Hurry();
        return Ok(AsSeen(state.IsKnown && state.Value.Find(id) is { } known ? known : seen[id]));
    }

    /// <inheritdoc/>
    public Task Resume() => Task.CompletedTask;

    /// <summary>Stores a plan for what is seen, and begins it.</summary>
    private async Task<RebalanceReply> Begin(BalanceView view, bool automatic)
    {
        var plan = view.Plan();
        if (automatic && plan.IsNothing)
        {
            return await Note(view);
        }
        var id = await survey.IssueId();
        if (id == 0)
        {
            return NotAsked();
        }
        var begun = new Rebalance
        {
            Id = id,
            State = plan.IsNothing ? RebalanceState.Done : RebalanceState.Planned,
            Plan = plan,
            Automatic = automatic,
            CreatedMs = NowMs,
            EndedMs = plan.IsNothing ? NowMs : 0,
        };
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.Open is { } open)
            {
                return UnderWay(open);
            }
            var next = state.Value.With(begun);
            if (await Save(automatic ? next with { BalancedNodeEpoch = view.Topology.NodeEpoch } : next) is { } unsaved)
            {
                return Unavailable(unsaved);
            }
        }
        LogBegun(logger, id, plan.Moves.Length, plan.Leaders.Length);
        Hurry();
        return Ok(begun);
    }

    /// <summary>Remembers that nothing is to move with these nodes, so that nobody looks again.</summary>
    private async Task<RebalanceReply> Note(BalanceView view)
    {
        using (await gate.Enter())
        {
            return await state.Load() is { } unread ? Unavailable(unread)
                : await Save(state.Value with { BalancedNodeEpoch = view.Topology.NodeEpoch }) is { } unsaved
                    ? Unavailable(unsaved)
                : Ok();
        }
    }

    private void Hurry() => timer?.Change(TimeSpan.Zero, options.ChangeWatchInterval);

    private Rebalance AsSeen(Rebalance stored) =>
        seen.TryGetValue(stored.Id, out var known)
            ? known with
            {
                State = stored.State,
                EndedMs = stored.EndedMs,
            }
            : stored;

    private async ValueTask<RebalanceReply?> Loaded()
    {
        using (await gate.Enter())
        {
            return await state.Load() is { } unread ? Unavailable(unread) : null;
        }
    }

    private async ValueTask<StateProblem?> Save(RebalanceHistory next)
    {
        var problem = await state.Save(next);
        if (problem is { Fenced: true })
        {
            DeactivateOnIdle();
        }
        return problem;
    }

    private static RebalanceReply Ok(params Rebalance[] found) =>
        new() { Outcome = RebalanceOutcome.Ok, Rebalances = found };

    private RebalanceReply UnderWay(Rebalance open) =>
        new()
        {
            Outcome = RebalanceOutcome.Conflict,
            Reasons = [$"Rebalance {open.Id} is under way. Wait until it is done, or cancel it."],
            Rebalances = [AsSeen(open)],
        };

    private static RebalanceReply NotFound(long id) =>
        new() { Outcome = RebalanceOutcome.NotFound, Reasons = [$"There is no rebalance {id} (any more)."] };

    private static RebalanceReply NotAsked() =>
        new()
        {
            Outcome = RebalanceOutcome.Unavailable,
            Reasons = ["Not every keyspace and node could be asked what is where. Nothing was changed; try again."],
        };

    private static RebalanceReply Unavailable(StateProblem problem) =>
        new()
        {
            Outcome = RebalanceOutcome.Unavailable,
            Reasons = [problem.Reason],
            InDoubt = problem.InDoubt,
        };

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Rebalance {Id} begins: {Moves} replicas are to move, {Leaders} leaders to be handed over"
    )]
    private static partial void LogBegun(ILogger logger, long id, int moves, int leaders);

    [LoggerMessage(Level = LogLevel.Information, Message = "Rebalance {Id} is cancelled")]
    private static partial void LogCancelled(ILogger logger, long id);
}
