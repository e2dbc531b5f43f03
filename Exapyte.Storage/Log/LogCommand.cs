namespace Exapyte.Storage.Log;

/// <summary>
/// Something to make durable. The writer stages a command (may it happen, given those before it?), encodes its records
/// into the batch, and applies it to the index once the batch is durable. Commands belong to the log from submission to
/// completion and may be used again after that.
/// </summary>
public abstract class LogCommand
{
    private protected LogCommand() { }

    /// <summary>The replica concerned.</summary>
    public GroupId Group { get; set; }

    /// <summary>Told how it ended.</summary>
    public ILogCompletion? Completion { get; set; }

    /// <summary>
    /// Whether it wants a sync of its own. False: it waits for the next batch that has one, at most
    /// <see cref="NodeLogOptions.DeferredDelay"/>, and completes, durable, with that.
    /// </summary>
    public bool MustSync { get; set; } = true;

    /// <summary>Whether it leads to space being given back, and so may use the reserve when the disk is full.</summary>
    internal virtual bool FreesSpace => false;

    internal LogAppendResult Result { get; set; }

    /// <summary>How it failed; null until it has ended, and where it did not.</summary>
    internal LogAppendResult? Failure { get; private protected set; }

    /// <summary>Bytes of its records.</summary>
    internal abstract long RecordsBytes { get; }

    private protected GroupIndex? Target { get; set; }

    internal abstract LogAppendResult Stage(LogIndex index);

    internal abstract void Encode(BatchBuffer batch);

    internal abstract void Apply(LogIndex index, Segment segment);

    /// <summary>Applies what is durable and takes the ordinals used.</summary>
    internal void Commit(LogIndex index, Segment segment)
    {
        Apply(index, segment);
        if (Target is { } group)
            index.Commit(group);
    }

    /// <summary>Ends the command. Nothing of it is touched afterwards: the owner may use it again at once.</summary>
    internal void Complete()
    {
        var (completion, result) = (Completion, Result);
        Failure = result.IsOk ? null : result;
        Target = null;
        Result = default;
        Ended();
        completion?.Complete(result);
    }

    /// <summary>What it referred to may go.</summary>
    private protected virtual void Ended() { }

    internal void Complete(LogAppendResult result)
    {
        Result = result;
        Complete();
    }
}
