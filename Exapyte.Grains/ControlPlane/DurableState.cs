using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace Exapyte.Grains.ControlPlane;

/// <summary>Why a state could be neither read nor written.</summary>
/// <param name="Fenced">Another activation wrote since this one read; else the storage is out of reach.</param>
/// <param name="Reason">A sentence for a person.</param>
/// <param name="InDoubt">Whether what was to be written may have been written all the same.</param>
/// <param name="IsOfDamage">The row is damaged: reading it again is of no use before it has been restored.</param>
internal sealed record StateProblem(bool Fenced, string Reason, bool InDoubt = false, bool IsOfDamage = false);

/// <summary>
/// An immutable document in grain storage, swapped whole. Every write carries the ETag of what was read, so a stale
/// writer is fenced. After a write whose outcome is unknown the document counts as unknown and is read again before
/// anything else is decided on it. Unlike a persistent-state facet it is not read while the grain is activated: a
/// stopped database must make an answer, not a failed activation. For one caller at a time.
/// </summary>
internal sealed partial class DurableState<T>(
    string name,
    GrainId grain,
    IGrainStorage storage,
    TimeSpan timeout,
    ILogger logger
)
    where T : class, new()
{
    private GrainState<T>? stored;

    /// <summary>Whether the document has been read and nothing unknown happened since.</summary>
    public bool IsKnown => stored is not null;

    /// <summary>The document; throws where it is not known.</summary>
    public T Value => stored?.State ?? throw new InvalidOperationException($"The state '{name}' has not been read.");

    /// <summary>Reads the document unless it is known.</summary>
    public ValueTask<StateProblem?> Load() => IsKnown ? default : Reload();

    /// <summary>Reads the document again.</summary>
    public async ValueTask<StateProblem?> Reload()
    {
        var read = new GrainState<T>(new T());
        try
        {
            await storage.ReadStateAsync(name, grain, read).WaitAsync(timeout);
        }
        catch (StateDamagedException damage)
        {
            return Damaged(damage);
        }
        catch (Exception problem)
        {
            stored = null;
            LogOutOfReach(logger, problem, name, grain, "read");
            return new(false, "The control-plane database is out of reach: its state could not be read.");
        }
        if (read is { RecordExists: false, ETag: not null })
        {
            return Damaged(new("the row is there and holds nothing"));
        }
        read.State ??= new T();
        stored = read;
        return null;
    }

    /// <summary>Writes the document; it is the value only once that is durable.</summary>
    public async ValueTask<StateProblem?> Save(T next)
    {
        var written = new GrainState<T>(next, stored!.ETag) { RecordExists = stored.RecordExists };
        stored = null;
        var problem = await Change(written, storage.WriteStateAsync);
        stored = problem is null ? written : null;
        return problem;
    }

    /// <summary>
    /// Removes the document. Whatever came of it, the document counts as unknown from then on and is read again before
    /// anything is decided.
    /// </summary>
    public async ValueTask<StateProblem?> Clear()
    {
        var cleared = new GrainState<T>(Value, stored!.ETag) { RecordExists = stored.RecordExists };
        stored = null;
        return await Change(cleared, storage.ClearStateAsync);
    }

    private async Task<StateProblem?> Change(GrainState<T> to, Func<string, GrainId, IGrainState<T>, Task> change)
    {
        try
        {
            await change(name, grain, to).WaitAsync(timeout);
            return null;
        }
        catch (InconsistentStateException problem)
        {
            LogFenced(logger, problem, name, grain);
            return new(true, "Another activation changed the control-plane state first; ask again.");
        }
        catch (Exception problem)
        {
            LogOutOfReach(logger, problem, name, grain, "written");
            return new(
                false,
                "The control-plane database did not confirm a change in time, which may have been made all the same. Ask again: "
                    + "a repeated command converges.",
                InDoubt: true
            );
        }
    }

    /// <summary>Nothing is decided on such a state, and nothing is written over it: what it was, a backup may still say.</summary>
    private StateProblem Damaged(StateDamagedException damage)
    {
        stored = null;
        LogDamaged(logger, damage, name, grain, damage.Message);
        return new(
            false,
            $"The control-plane database is damaged: the row of state '{name}' of grain '{grain}' is not used, for "
                + $"{damage.Message}. Stop the nodes, restore the database from a backup, and start them again.",
            IsOfDamage: true
        );
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "State {Name} of {Grain} was fenced: another activation wrote it"
    )]
    private static partial void LogFenced(ILogger logger, Exception problem, string name, GrainId grain);

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "The control-plane database is damaged: the row of state {Name} of grain {Grain} is not used, for {Reason}. Restore the database from a backup"
    )]
    private static partial void LogDamaged(ILogger logger, Exception damage, string name, GrainId grain, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "State {Name} of {Grain} could not be {What}")]
    private static partial void LogOutOfReach(
        ILogger logger,
        Exception problem,
        string name,
        GrainId grain,
        string what
    );
}
