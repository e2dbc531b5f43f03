using Exapyte.Grains.Placement;
using Exapyte.Keyspaces;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;
using static Exapyte.Grains.ControlPlane.KeyspaceReplies;

namespace Exapyte.Grains.ControlPlane;

/// <summary>
/// Owns the settings and the shard map of one keyspace.
/// </summary>
/// <remarks>
/// A command is decided and its intent stored, one command at a time behind <see cref="gate"/>; then <see cref="Advance"/>
/// acts on what is stored, one step at a time behind <see cref="acting"/>: it enters or removes the name and pushes the map. The command waits for that a while, and
/// what is left a timer does, with growing waits, until every placed node has the map. Whatever is acted on twice is
/// idempotent, so a new activation simply starts over from what is stored.
/// </remarks>
[Reentrant]
internal sealed partial class KeyspaceGrain : Grain, IKeyspaceGrain, IKeyspaceControlGrain
{
    private const string StateName = "keyspace";
    private const int KeyspacesMax = 4_096;

    private const string NotSettled =
        "writeQuorum and readQuorum change only while every node of the keyspace has its map and no replica is joining: "
        + "bring all its nodes up, then try again. Nothing was changed.";

    private readonly CommandGate gate = new();
    private readonly CommandGate acting = new();
    private readonly DurableState<KeyspaceState> state;
    private readonly MapPusher pusher;
    private readonly NodeMap nodes;
    private readonly ControlPlaneOptions options;
    private readonly ILogger<KeyspaceGrain> logger;
    private IGrainTimer? timer;
    private int putting;
    private bool isLeaving;

    /// <summary>Whether somebody wanted to know or to make the keyspace since it was last gone: he may ask again soon.</summary>
    private bool isAskedFor;
    private TimeSpan wait;

    public KeyspaceGrain(
        IGrainContext context,
        IGrainFactory grains,
        [FromKeyedServices(ControlPlaneOptions.Storage)] IGrainStorage storage,
        NodeMap nodes,
        TimeProvider time,
        IOptions<ControlPlaneOptions> options,
        ILogger<KeyspaceGrain> logger
    )
    {
        look = new(context.GrainId.Key.ToString()!, grains, nodes, time, options.Value, logger);
        this.nodes = nodes;
        this.options = options.Value;
        this.logger = logger;
        state = new(StateName, context.GrainId, storage, this.options.StorageTimeout, logger);
        pusher = new(grains, nodes, this.options.PushTimeout, logger);
    }

    private string Name => this.GetPrimaryKeyString();

    private IControlPlaneGrain ControlPlane => GrainFactory.GetGrain<IControlPlaneGrain>(0);

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        Continue(TimeSpan.Zero);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<KeyspaceReply> Put(KeyspaceSettings settings)
    {
        if (ReasonsAgainst(settings) is { Count: > 0 } reasons)
        {
            return Reply(KeyspaceOutcome.Invalid, reasons);
        }
        putting++;
        isAskedFor = true;
        try
        {
            return await PutAcceptable(settings);
        }
        finally
        {
            putting--;
        }
    }

    private async Task<KeyspaceReply> PutAcceptable(KeyspaceSettings settings)
    {
        KeyspaceMap map;
        KeyspaceOutcome done;
        using (await gate.Enter())
        {
            if (await Intend(settings) is { } reply)
            {
                return InDoubtGoesOn(reply);
            }
            map = state.Value.Map!;
            done = state.Value.Created ? KeyspaceOutcome.Ok : KeyspaceOutcome.Created;
        }
        var missing = await Advance(map);
        ContinueLater();
        return pusher.HasMajorities(map) && missing.NameProblem is null
            ? Reply(done, map)
            : new()
            {
                Outcome = KeyspaceOutcome.Unavailable,
                Map = map,
                Reasons = [.. missing.All],
                InDoubt = true,
            };
    }

    /// <inheritdoc/>
    public async Task<KeyspaceReply> Get()
    {
        isAskedFor = true;
        if (await Load() is { } problem)
        {
            return Unavailable(problem);
        }
        return state.Value.Map is { } map ? Reply(KeyspaceOutcome.Ok, map) : Reply(KeyspaceOutcome.NotFound, []);
    }

    /// <inheritdoc/>
    public async Task<KeyspaceReply> Delete()
    {
        KeyspaceMap deleted;
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            if (state.Value.Map is null)
            {
                return Reply(KeyspaceOutcome.NotFound, []);
            }
            var next = state.Value.WithoutMap();
            if (await Save(next) is { } unsaved)
            {
                return InDoubtGoesOn(Unavailable(unsaved));
            }
            deleted = next.Deleted[^1];
        }
        LogDeleted(logger, Name, deleted.KeyspaceId);
        await Advance(deleted);
        ContinueLater();
        return Reply(KeyspaceOutcome.Ok, deleted);
    }

    /// <inheritdoc/>
    public async Task<KeyspaceMap?> CurrentMap(long keyspaceId)
    {
        if (state.IsKnown && state.Value.Map is { } map && map.KeyspaceId == keyspaceId)
        {
            return map;
        }
        // On a null replicas are destroyed: an activation that another one has overtaken must not answer from memory.
        using (await gate.Enter())
        {
            if (await state.Reload() is { } problem)
            {
                throw new ControlPlaneUnavailableException(problem.Reason) { IsOfDamage = problem.IsOfDamage };
            }
            if (state.Value.Map is { } current && current.KeyspaceId == keyspaceId)
            {
                return current;
            }
            if (state.Value.Deleted.Length > 0)
            {
                // Whoever asks is back, and about to retire what it has: its word is awaited again.
                ContinueLater();
            }
            return null;
        }
    }

    /// <inheritdoc/>
    public async Task<KeyspaceReply> RetireNode(string node, long nodeEpoch)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is { } unread)
            {
                return Unavailable(unread);
            }
            var next = state.Value.WithoutNode(node, nodeEpoch);
            if (!ReferenceEquals(next, state.Value) && await Save(next) is { } unsaved)
            {
                return Unavailable(unsaved);
            }
        }
        ContinueLater();
        return Reply(KeyspaceOutcome.Ok, []);
    }

    /// <inheritdoc/>
    public Task Resume()
    {
        Continue(TimeSpan.Zero);
        return Task.CompletedTask;
    }

    /// <summary>Decides a Put and stores its intent; null where it is now to be acted on.</summary>
    private async Task<KeyspaceReply?> Intend(KeyspaceSettings settings)
    {
        if (await state.Load() is { } unread)
        {
            return Unavailable(unread);
        }
        if (state.Value.Map is not { } map)
        {
            return await IntendNew(settings);
        }
        if (KeyspaceRules.ReasonsAgainstChange(map.Settings, settings) is { Count: > 0 } reasons)
        {
            return Reply(KeyspaceOutcome.Conflict, reasons, map);
        }
        if (settings == map.Settings)
        {
            // A creation that was not reported as done is taken up again.
            return state.Value.Created ? Reply(KeyspaceOutcome.Ok, map) : null;
        }
        if (QuorumHistory.ReasonsAgainst(map, settings, state.Value.MissingMax) is { Count: > 0 } quorums)
        {
            return Reply(KeyspaceOutcome.Conflict, quorums, map);
        }
        if (QuorumHistory.IsChange(map, settings) && (state.Value.IsUnfinished || map.Shards.Any(s => s.IsChanging)))
        {
            // Some node may still use quorums of an earlier map, which those that are wanted need not meet.
            return Reply(KeyspaceOutcome.Unavailable, [NotSettled], map);
        }
        return await Save(state.Value.WithChanged(map with { Settings = settings })) is { } unsaved
            ? Unavailable(unsaved)
            : null;
    }

    private async Task<KeyspaceReply?> IntendNew(KeyspaceSettings settings)
    {
        try
        {
            if ((await ControlPlane.Keyspaces()).Length >= KeyspacesMax)
            {
                return Reply(KeyspaceOutcome.Conflict, [$"There are {KeyspacesMax} keyspaces, and that is the most."]);
            }
            var topology = await ControlPlane.Topology();
            var alive = Array.FindAll(topology.Nodes, node => node is { Alive: true, Draining: false });
            if (alive.Length == 0)
            {
                return Reply(KeyspaceOutcome.Unavailable, ["No registered node is alive that does not drain."]);
            }
            var firstId = await ControlPlane.IssueIds(NewKeyspace.IdsFor(settings, alive.Length));
            // Of earlier lives that are forgotten nothing is known but that they had lower ids.
            var epoch = Math.Max(state.Value.LastEpoch + 1, firstId);
            var map = NewKeyspace.MapOf(Name, settings, alive, firstId, epoch, topology.NodeEpoch);
            if (await Save(state.Value.WithNew(map, topology.NodeEpoch)) is { } unsaved)
            {
                return Unavailable(unsaved);
            }
            LogIntended(logger, Name, map.KeyspaceId, map.Shards.Length);
            return null;
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            return Reply(KeyspaceOutcome.Unavailable, [failure.Message]);
        }
    }

    /// <summary>The state, without waiting where it is known.</summary>
    private async ValueTask<StateProblem?> Load()
    {
        if (state.IsKnown)
        {
            return null;
        }
        using (await gate.Enter())
        {
            return await state.Load();
        }
    }

    private async ValueTask<StateProblem?> Save(KeyspaceState next)
    {
        var problem = await state.Save(next);
        if (problem is { Fenced: true })
        {
            DeactivateOnIdle();
        }
        return problem;
    }

    private List<string> ReasonsAgainst(KeyspaceSettings settings)
    {
        List<string> reasons = [];
        if (!KeyspaceRules.IsName(Name))
        {
            reasons.Add(
                $"A keyspace's name is 1 to {KeyspaceRules.NameCharsMax} of a-z 0-9 - _ ., with a letter or digit first."
            );
        }
        reasons.AddRange(KeyspaceRules.ReasonsAgainst(settings));
        return reasons;
    }

    /// <summary>What may have been stored is acted on as soon as it can be read back.</summary>
    private KeyspaceReply InDoubtGoesOn(KeyspaceReply reply)
    {
        if (reply.InDoubt)
        {
            ContinueLater();
        }
        return reply;
    }

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Keyspace {Keyspace} is being created as {KeyspaceId} with {Shards} shards"
    )]
    private static partial void LogIntended(ILogger logger, string keyspace, long keyspaceId, int shards);

    [LoggerMessage(Level = LogLevel.Information, Message = "Keyspace {Keyspace}, {KeyspaceId}, is being deleted")]
    private static partial void LogDeleted(ILogger logger, string keyspace, long keyspaceId);

    [LoggerMessage(
        Level = LogLevel.Information,
        Message = "Every node of keyspace {Keyspace} has its map at epoch {Epoch}"
    )]
    private static partial void LogSettled(ILogger logger, string keyspace, long epoch);
}
