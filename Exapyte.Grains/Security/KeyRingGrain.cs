using Exapyte.Grains.ControlPlane;
using Exapyte.Grains.Placement;
using Exapyte.Security;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;

namespace Exapyte.Grains.Security;

/// <summary>
/// Owns the keys. A change is stored, then pushed to every live node; a node that was not reached asks for itself
/// (<see cref="KeySync"/>), so that it is behind by one interval at most. The stored ETag fences a second activation.
/// </summary>
[Reentrant, KeepAlive]
internal sealed partial class KeyRingGrain(
    IGrainContext context,
    [FromKeyedServices(ControlPlaneOptions.Storage)] IGrainStorage storage,
    NodeMap nodes,
    TimeProvider time,
    IOptions<ControlPlaneOptions> options,
    ILogger<KeyRingGrain> logger
) : Grain, IKeyRingGrain
{
    private const string StateName = "keys";
    private static readonly TimeSpan PushTimeout = TimeSpan.FromSeconds(1);

    private readonly CommandGate gate = new();
    private readonly DurableState<KeyRingState> state = new(
        StateName,
        context.GrainId,
        storage,
        options.Value.StorageTimeout,
        logger
    );

    /// <inheritdoc/>
    public async ValueTask<KeyRing?> Since(long epoch)
    {
        if (!state.IsKnown || state.Value.Epoch < epoch)
        {
            using (await gate.Enter())
            {
                Demand(await state.Load());
                await OvertakeNodes(epoch);
                return state.Value.Epoch == epoch ? null : state.Value.Ring;
            }
        }
        return state.Value.Epoch == epoch ? null : state.Value.Ring;
    }

    /// <inheritdoc/>
    public async Task<KeyReply> Add(ApiKey key)
    {
        var reasons = KeyRules.ReasonsAgainst(key, time.GetUtcNow().ToUnixTimeMilliseconds());
        return reasons.Count > 0
            ? Refused([.. reasons])
            : await Change(known =>
                Array.Find(known.Keys, one => one.Id == key.Id) is { } other
                    ? Stay(
                        other.SecretHash.Span.SequenceEqual(key.SecretHash.Span)
                            ? Ok
                            : Refused(["There is a key of this id."])
                    )
                : known.Keys.Length >= KeyRules.KeysMax
                    ? Stay(Refused([$"There are {known.Keys.Length} keys, the most that there may be: revoke some."]))
                : Become(known.With(key))
            );
    }

    /// <inheritdoc/>
    public Task<KeyReply> Revoke(string id) =>
        Change(known =>
            Array.Exists(known.Keys, key => key.Id == id)
                ? Become(known.Without(id))
                : Stay(new() { Outcome = KeyOutcome.NotFound })
        );

    /// <inheritdoc/>
    public Task<KeyReply> EnsureRoot(byte[] secretHash, bool replace) =>
        Change(known =>
        {
            var root = Array.Find(known.Keys, key => key.Id == KeyRules.RootId);
            if (root is not null && root.SecretHash.Span.SequenceEqual(secretHash))
            {
                return Stay(Ok);
            }
            if (known.HasRetired(secretHash))
            {
                return Stay(Refused(["This root key was revoked or replaced; it does not come back."]));
            }
            return known.HadRoot && !replace
                ? Stay(new() { Outcome = KeyOutcome.NotFound })
                : Become(known.With(RootOf(secretHash)));
        });

    private static Decision Stay(KeyReply reply) => new(null, reply);

    private static Decision Become(KeyRingState next) => new(next, Ok);

    private static KeyReply Ok { get; } = new() { Outcome = KeyOutcome.Ok };

    private static KeyReply Refused(string[] reasons) => new() { Outcome = KeyOutcome.Refused, Reasons = reasons };

    private ApiKey RootOf(byte[] secretHash) =>
        new()
        {
            Id = KeyRules.RootId,
            Name = KeyRules.RootId,
            SecretHash = secretHash,
            CreatedMs = time.GetUtcNow().ToUnixTimeMilliseconds(),
            Grants =
            [
                new() { Keyspace = KeyGrant.EveryKeyspace, Allow = KeyRights.Read | KeyRights.Write | KeyRights.Admin },
            ],
        };

    /// <summary>
    /// A database that was restored from a backup is behind its nodes, which would take nothing from it any more: what it
    /// says now becomes the newest ring. Only after another look: a second activation may have gone on from here.
    /// </summary>
    private async Task OvertakeNodes(long epoch)
    {
        if (state.Value.Epoch >= epoch)
        {
            return;
        }
        Demand(await state.Reload());
        if (state.Value.Epoch < epoch)
        {
            LogBehind(logger, state.Value.Epoch, epoch);
            Demand(await Save(state.Value with { Epoch = epoch + 1 }));
        }
    }

    private async Task<KeyReply> Change(Func<KeyRingState, Decision> decide)
    {
        Decision decision;
        KeyRing ring;
        using (await gate.Enter())
        {
            Demand(await state.Load());
            decision = decide(state.Value);
            if (decision.Next is { } next)
            {
                Demand(await Save(next));
            }
            ring = state.Value.Ring;
        }
        return decision.Reply.Outcome == KeyOutcome.Ok
            ? new() { Outcome = KeyOutcome.Ok, Unconfirmed = await Push(ring) }
            : decision.Reply;
    }

    private async ValueTask<StateProblem?> Save(KeyRingState next)
    {
        var problem = await state.Save(next);
        if (problem is { Fenced: true })
        {
            DeactivateOnIdle();
        }
        return problem;
    }

    /// <summary>Pushes to every live node at once; those that did not confirm.</summary>
    private async Task<string[]> Push(KeyRing ring)
    {
        var missing = await Task.WhenAll(nodes.Alive.Select(node => PushTo(node, ring)));
        return [.. missing.OfType<string>()];
    }

    private async Task<string?> PushTo(string node, KeyRing ring)
    {
        try
        {
            var grain = GrainFactory.GetGrain<INodeKeysGrain>(NodeKey.Of(node));
            return await grain.Apply(ring).AsTask().WaitAsync(PushTimeout, time) >= ring.Epoch ? null : node;
        }
        catch (Exception failure)
        {
            // Whatever a node throws, the others are not to wait for it: it asks for itself.
            LogNotPushed(logger, failure, ring.Epoch, node);
            return node;
        }
    }

    private static void Demand(StateProblem? problem)
    {
        if (problem is not null)
        {
            throw new ControlPlaneUnavailableException(problem.Reason);
        }
    }

    /// <summary>What becomes of the keys by a command, null for nothing, and its answer.</summary>
    private sealed record Decision(KeyRingState? Next, KeyReply Reply);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The keys in the control-plane database are of epoch {Epoch}, nodes know of {NodeEpoch}: it was restored from a backup. Keys that were revoked since are in force again"
    )]
    private static partial void LogBehind(ILogger logger, long epoch, long nodeEpoch);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Keys of epoch {Epoch} could not be pushed to node {Node}")]
    private static partial void LogNotPushed(ILogger logger, Exception failure, long epoch, string node);
}
