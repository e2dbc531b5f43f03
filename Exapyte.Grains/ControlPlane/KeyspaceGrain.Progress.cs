using Exapyte.Keyspaces;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.ControlPlane;

/// <summary>The acting half: from the stored intent to nodes that know it.</summary>
internal sealed partial class KeyspaceGrain
{
    /// <summary>Takes up unfinished work after the wait; a timer that is already set is set anew.</summary>
    private void Continue(TimeSpan dueTime)
    {
        wait = options.RetryMin;
        if (timer is null)
        {
            timer = this.RegisterGrainTimer(
                OnTimer,
                new GrainTimerCreationOptions(dueTime, Timeout.InfiniteTimeSpan) { Interleave = true, KeepAlive = true }
            );
        }
        else
        {
            timer.Change(dueTime, Timeout.InfiniteTimeSpan);
        }
    }

    private void ContinueLater() => Continue(options.RetryMin);

    private async Task OnTimer(CancellationToken cancellationToken)
    {
        var finished = false;
        try
        {
            finished = await Finish();
        }
        finally
        {
            if (!finished)
            {
                wait = wait * 2 < options.RetryMax ? wait * 2 : options.RetryMax;
                timer?.Change(wait, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Acts on everything that is unfinished; whether nothing is left.</summary>
    private async Task<bool> Finish()
    {
        if (await Load() is not null)
        {
            return false;
        }
        Watch();
        if (state.Value is { Map: null, Deleted.Length: 0 } && !isAskedFor)
        {
            // The row is gone although the answer to its removal was lost; or only a late call woke this up.
            GoIfNobodyComes();
            return true;
        }
        if (!state.Value.IsUnfinished)
        {
            return true;
        }
        KeyspaceMap[] unfinished =
        [
            .. state.Value.Deleted,
            .. state.Value.Map is { } map ? [map] : Array.Empty<KeyspaceMap>(),
        ];
        foreach (var some in unfinished)
        {
            await Advance(some);
        }
        if (isLeaving)
        {
            return true;
        }
        // A node that was away when its keyspace was deleted asks for it when it is back: see CurrentMap.
        return state.IsKnown
            && !state.Value.IsMapUnfinished
            && Array.TrueForAll(state.Value.Deleted, pusher.IsKnownToLiving);
    }

    /// <summary>
    /// One step for one map of this name, the current or a deleted one: enter or remove the name, push to the live nodes
    /// that lack it, store how far that came. One step at a time, and only for what is still the intent: a creation
    /// must not enter its name after the deletion that overtook it has removed it.
    /// </summary>
    private async Task<Missing> Advance(KeyspaceMap map)
    {
        using (await acting.Enter())
        {
            if (!IsIntent(map))
            {
                return new(null, ["A later command on the keyspace came in between."]);
            }
            var naming = EnterName(map);
            var pushing = pusher.Push(map);
            Missing missing = new(await naming, await pushing);
            if (missing.NameProblem is null)
            {
                await StoreProgress(map);
            }
            return missing;
        }
    }

    private bool IsIntent(KeyspaceMap map)
    {
        if (!state.IsKnown)
        {
            return true;
        }
        return map.Deleted
            ? Array.Exists(state.Value.Deleted, deleted => deleted.KeyspaceId == map.KeyspaceId)
            : state.Value.Map is { } current && current.KeyspaceId == map.KeyspaceId && current.Epoch == map.Epoch;
    }

    private async Task<string?> EnterName(KeyspaceMap map)
    {
        try
        {
            await (
                map.Deleted
                    ? ControlPlane.RemoveKeyspace(Name, map.KeyspaceId)
                    : ControlPlane.AddKeyspace(Name, map.KeyspaceId)
            );
            return null;
        }
        catch (Exception failure) when (CallFailures.IsExpected(failure))
        {
            return failure.Message;
        }
    }

    private async Task StoreProgress(KeyspaceMap map)
    {
        using (await gate.Enter())
        {
            if (await state.Load() is not null)
            {
                return;
            }
            var known = state.Value;
            var next = map.Deleted ? WithDeletedKnown(known, map) : WithMapKnown(known, map);
            if (next == known)
            {
                return;
            }
            if (next is { Map: null, Deleted.Length: 0 })
            {
                await Leave();
            }
            else if (await Save(next) is null && !next.IsUnfinished)
            {
                LogSettled(logger, Name, next.LastEpoch);
            }
        }
    }

    /// <summary>Nothing of the name is left that anybody would have to remember: no row, no timer, no activation.</summary>
    private async Task Leave()
    {
        isAskedFor = putting > 0;
        if (await state.Clear() is not null)
        {
            ContinueLater();
            return;
        }
        LogGone(logger, Name);
        GoIfNobodyComes();
    }

    private void GoIfNobodyComes()
    {
        if (putting == 0)
        {
            isLeaving = true;
            DeactivateOnIdle();
        }
    }

    /// <summary>
    /// A deleted keyspace is over once the live nodes know, and every node that hosts a replica of it has retired that: one
    /// that is away is remembered until it has said so.
    /// </summary>
    private KeyspaceState WithDeletedKnown(KeyspaceState known, KeyspaceMap deleted)
    {
        var others = Array.FindAll(known.Deleted, map => map.KeyspaceId != deleted.KeyspaceId);
        if (others.Length == known.Deleted.Length || !pusher.IsOver(deleted))
        {
            return known;
        }
        pusher.Forget(deleted);
        return known with { Deleted = others };
    }

    private KeyspaceState WithMapKnown(KeyspaceState known, KeyspaceMap map)
    {
        if (known.Map?.KeyspaceId != map.KeyspaceId || known.Map.Epoch != map.Epoch)
        {
            return known;
        }
        return known with
        {
            Created = known.Created || pusher.HasMajorities(map),
            SettledEpoch = pusher.IsSettled(map) ? map.Epoch : known.SettledEpoch,
        };
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Keyspace {Keyspace} is deleted on every node that had it")]
    private static partial void LogGone(ILogger logger, string keyspace);

    /// <summary>What a step could not do.</summary>
    private readonly record struct Missing(string? NameProblem, string[] Nodes)
    {
        public IEnumerable<string> All => NameProblem is null ? Nodes : [NameProblem, .. Nodes];
    }
}
