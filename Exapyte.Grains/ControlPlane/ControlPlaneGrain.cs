using System.Security.Cryptography;
using Exapyte.Grains.Placement;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Owns the nodes, the names of keyspaces and the issue of ids.
/// </summary>
/// <remarks>
/// Every change is decided and stored behind <see cref="gate"/>, and acted on outside it: a keyspace that is being
/// created calls this grain while this grain may be calling that keyspace. Two activations can exist for a while; the
/// stored ETag lets one of them write, and the other reads again or goes.
/// </remarks>
[Reentrant, KeepAlive]
internal sealed partial class ControlPlaneGrain : Grain, IControlPlaneGrain
{
    private const string StateName = "control-plane";
    private const int IdsAtOnceMax = 100_000;
    private const int IdsReservedAtOnce = 4_096;
    private const int CallsAtOnceMax = 16;
    private const int ResumeAttemptsMax = 6;

    private readonly CommandGate gate = new();
    private readonly DurableState<ControlPlaneState> state;
    private readonly IClusterMembershipService membership;
    private readonly NodeMap nodes;
    private readonly TimeProvider time;
    private readonly ControlPlaneOptions options;
    private readonly ILogger<ControlPlaneGrain> logger;
    private readonly MoveSlots moves;
    private readonly NodeInquiry inquiry;
    private bool hasWritten;
    private long idNext;
    private long idEnd;

    public ControlPlaneGrain(
        IGrainContext context,
        IGrainFactory grains,
        [FromKeyedServices(ControlPlaneOptions.Storage)] IGrainStorage storage,
        IClusterMembershipService membership,
        NodeMap nodes,
        TimeProvider time,
        IOptions<ControlPlaneOptions> options,
        ILogger<ControlPlaneGrain> logger
    )
    {
        this.membership = membership;
        this.nodes = nodes;
        this.time = time;
        this.options = options.Value;
        this.logger = logger;
        moves = new(this.options.MovingShardsMax, time);
        inquiry = new(grains, nodes, time, this.options, logger);
        state = new(StateName, context.GrainId, storage, this.options.StorageTimeout, logger);
    }

    /// <summary>Rebalances that are under way go on wherever the grain that has them died.</summary>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        this.RegisterGrainTimer(
            _ => inquiry.WakeRebalances(),
            new GrainTimerCreationOptions(options.WatchInterval, options.WatchInterval) { Interleave = true }
        );
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<RegisterReply> Register(NodeRegistration registration)
    {
        using (await gate.Enter())
        {
            if (await Decide(registration) is { } reply)
            {
                if (reply.Accepted)
                {
                    Resume();
                }
                return reply;
            }
        }
        return await Replace(registration);
    }

    /// <inheritdoc/>
    public async Task<ClusterTopology> Topology() => TopologyOf(await Known());

    /// <inheritdoc/>
    public async Task<string[]> Keyspaces() => Array.ConvertAll((await Known()).Keyspaces, keyspace => keyspace.Name);

    /// <inheritdoc/>
    public async Task<long> IssueIds(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, IdsAtOnceMax);
        using (await gate.Enter())
        {
            if (idEnd - idNext < count)
            {
                await Demand(state.Load());
                var first = state.Value.NextId;
                var end = first + Math.Max(count, IdsReservedAtOnce);
                await Demand(Save(state.Value with { NextId = end }));
                (idNext, idEnd) = (first, end);
            }
            var issued = idNext;
            idNext += count;
            return issued;
        }
    }

    /// <inheritdoc/>
    public Task AddKeyspace(string name, long keyspaceId) => Change(known => known.WithKeyspace(name, keyspaceId));

    /// <inheritdoc/>
    public Task RemoveKeyspace(string name, long keyspaceId) =>
        Change(known => known.WithoutKeyspace(name, keyspaceId));

    /// <summary>Decides and stores; null where old replicas must be retired first.</summary>
    private async Task<RegisterReply?> Decide(NodeRegistration registration)
    {
        if (await state.Load() is { } unread)
        {
            return Later(unread.Reason);
        }
        if (RegistrationRules.IsReplacement(state.Value, registration) && await Refresh() is { } stale)
        {
            return Later(stale);
        }
        var decision = RegistrationRules.Decide(
            state.Value,
            registration,
            nodes.ActiveMembersNamed(registration.Node),
            time.GetUtcNow().ToUnixTimeMilliseconds()
        );
        if (decision.Refusal is { } refusal)
        {
            LogRefused(logger, registration.Node, refusal);
            return new() { Accepted = false, Reason = refusal };
        }
        var next = decision.Next!;
        next = next.ClusterId == 0 ? next with { ClusterId = NewClusterId() } : next;
        if (!ReferenceEquals(next, state.Value) && await Save(next) is { } unsaved)
        {
            return Later(unsaved.Reason);
        }
        return decision.Replaces ? null : Accepted();
    }

    /// <summary>Retires what the node's old data folder held, keyspace by keyspace, then enters the new one.</summary>
    private async Task<RegisterReply> Replace(NodeRegistration registration)
    {
        if (!state.IsKnown || state.Value.ReplacementOf(registration.Node) is not { } replacement)
        {
            return Later("Another registration of the node came in between.");
        }
        LogReplacing(logger, registration.Node, replacement.NodeEpoch);
        foreach (var keyspaces in state.Value.Keyspaces.Chunk(CallsAtOnceMax))
        {
            var reasons = await Task.WhenAll(
                keyspaces.Select(keyspace => Retire(keyspace.Name, registration.Node, replacement.NodeEpoch))
            );
            if (Array.Find(reasons, reason => reason is not null) is { } reason)
            {
                return Later(reason);
            }
        }
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Later(unread.Reason);
            }
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            if (RegistrationRules.Completed(state.Value, registration, now) is not { } completed)
            {
                return Later("Another registration of the node came in between.");
            }
            if (await Save(completed) is { } unsaved)
            {
                return Later(unsaved.Reason);
            }
            Resume();
            return Accepted();
        }
    }

    private async Task<string?> Retire(string keyspace, string node, long nodeEpoch)
    {
        try
        {
            var reply = await GrainFactory.GetGrain<IKeyspaceControlGrain>(keyspace).RetireNode(node, nodeEpoch);
            return reply.Outcome == KeyspaceOutcome.Ok
                ? null
                : $"Keyspace '{keyspace}' could not retire the node's old replicas: {string.Join(' ', reply.Reasons)}";
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            return $"Keyspace '{keyspace}' could not retire the node's old replicas: {failure.Message}";
        }
    }

    /// <summary>
    /// Once a node has come or gone: a keyspace whose activation died with a silo goes on with what it had begun. Runs
    /// beside the calls. Right after a death a call can still fail, so it is tried some times; after that the next
    /// registration, or the next caller of the keyspace, does the same.
    /// </summary>
    private void Resume() => _ = ResumeKeyspaces(Array.ConvertAll(state.Value.Keyspaces, keyspace => keyspace.Name));

    private async Task ResumeKeyspaces(string[] keyspaces)
    {
        for (var attempt = 0; attempt < ResumeAttemptsMax && keyspaces.Length > 0; attempt++)
        {
            List<string> failed = [];
            foreach (var some in keyspaces.Chunk(CallsAtOnceMax))
            {
                var resumed = await Task.WhenAll(some.Select(TryResume));
                failed.AddRange(some.Where((_, index) => !resumed[index]));
            }
            keyspaces = [.. failed];
            if (keyspaces.Length > 0)
            {
                await Task.Delay(options.RetryMin * (1 << attempt), time);
            }
        }
    }

    private async Task<bool> TryResume(string keyspace)
    {
        try
        {
            await GrainFactory.GetGrain<IKeyspaceControlGrain>(keyspace).Resume();
            return true;
        }
        catch (Exception failure)
        {
            LogNotResumed(logger, failure, keyspace);
            return false;
        }
    }

    /// <summary>The membership as its table has it now: the caller, active before it registers, is in it for certain.</summary>
    private async Task<string?> Refresh()
    {
        try
        {
            await membership.Refresh();
            return null;
        }
        catch (Exception failure)
        {
            LogNotRefreshed(logger, failure);
            return "The cluster's membership could not be read, so it is not known whether the old node is gone.";
        }
    }

    private async Task Change(Func<ControlPlaneState, ControlPlaneState> change)
    {
        using (await gate.Enter())
        {
            await Demand(state.Load());
            var next = change(state.Value);
            if (!ReferenceEquals(next, state.Value))
            {
                await Demand(Save(next));
            }
        }
    }

    private async ValueTask<ControlPlaneState> Known()
    {
        if (!state.IsKnown)
        {
            using (await gate.Enter())
            {
                await Demand(state.Load());
                return state.Value;
            }
        }
        return state.Value;
    }

    private async ValueTask<StateProblem?> Save(ControlPlaneState next)
    {
        var problem = await state.Save(hasWritten ? next : next with { CoordinatorEpoch = next.CoordinatorEpoch + 1 });
        hasWritten |= problem is null;
        if (problem is { Fenced: true })
        {
            DeactivateOnIdle();
        }
        return problem;
    }

    private static async Task Demand(ValueTask<StateProblem?> step)
    {
        if (await step is { } problem)
        {
            throw new ControlPlaneUnavailableException(problem.Reason);
        }
    }

    private RegisterReply Accepted() =>
        new()
        {
            Accepted = true,
            Topology = TopologyOf(state.Value),
            ClusterId = state.Value.ClusterId,
        };

    private static ulong NewClusterId()
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        RandomNumberGenerator.Fill(bytes);
        return Math.Max(BitConverter.ToUInt64(bytes), 1);
    }

    private static RegisterReply Later(string reason) =>
        new()
        {
            Accepted = false,
            Retryable = true,
            Reason = reason,
        };

    private ClusterTopology TopologyOf(ControlPlaneState known) =>
        new()
        {
            NodeEpoch = known.NodeEpoch,
            CoordinatorEpoch = known.CoordinatorEpoch,
            ClusterId = known.ClusterId,
            Nodes = Array.ConvertAll(known.Nodes, node => node with { Alive = nodes.IsAlive(node.Registration.Node) }),
        };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Node {Node} was refused: {Reason}")]
    private static partial void LogRefused(ILogger logger, string node, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Node {Node} returned with another data folder: its replicas from before node epoch {NodeEpoch} are retired"
    )]
    private static partial void LogReplacing(ILogger logger, string node, long nodeEpoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Keyspace {Keyspace} could not be told to go on")]
    private static partial void LogNotResumed(ILogger logger, Exception failure, string keyspace);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The cluster's membership could not be read")]
    private static partial void LogNotRefreshed(ILogger logger, Exception failure);
}
