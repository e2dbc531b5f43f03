using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Hands a replica's log writes to the node log in order and reports each one durable in order. After a write that
/// found the disk full it holds back everything behind it and tries again from there once space has returned, so that
/// the log never has a gap. Used by one thread at a time, but for the completions.
/// </summary>
internal sealed class ReplicaLogWriter(INodeLog log, GroupId group, Action<ReplicaLogWriter.Submission> logged)
{
    private readonly LinkedList<Submission> inFlight = [];
    private int awaited;
    private bool stuck;

    /// <summary>One write on its way.</summary>
    public sealed class Submission(ReplicaLogWriter owner, LogWrite write) : ILogCompletion
    {
        /// <summary>What is written.</summary>
        public LogWrite Write => write;

        /// <summary>How it ended.</summary>
        public LogAppendResult Result { get; private set; }

        /// <inheritdoc/>
        public void Complete(LogAppendResult result)
        {
            Result = result;
            owner.Report(this);
        }
    }

    /// <summary>Whether writes wait for space on the disk.</summary>
    public bool IsStuck => stuck;

    /// <summary>Submits the next write.</summary>
    public void Submit(LogWrite write)
    {
        var submission = new Submission(this, write);
        inFlight.AddLast(submission);
        if (!stuck)
        {
            Append(submission);
        }
    }

    /// <summary>Takes a completion on the replica's thread.</summary>
    /// <returns>True: durable. False: not, and it will be tried again. A failure for good throws.</returns>
    /// <exception cref="ReplicaFailedException">The log will never take it.</exception>
    public bool Take(Submission submission)
    {
        awaited--;
        if (submission.Result.IsOk && !stuck)
        {
            inFlight.Remove(submission);
            return true;
        }
        if (!submission.Result.IsOk && !stuck && !CanRetry(submission.Result.Status))
        {
            throw new ReplicaFailedException(
                $"The log refused a write: {submission.Result.Reason}",
                isOfDisk: submission.Result.Status == LogAppendStatus.IoError
            );
        }
        stuck = true;
        return false;
    }

    /// <summary>
    /// Tries again what is stuck, if the log is well again and has answered for everything: an answer to an earlier try
    /// that came later would be taken for one to the new try.
    /// </summary>
    public void Retry()
    {
        if (!stuck || awaited > 0 || log.Health.Condition != LogCondition.Ok)
        {
            return;
        }
        stuck = false;
        var again = inFlight.Select(submission => submission.Write).ToList();
        inFlight.Clear();
        foreach (var write in again)
        {
            Submit(write);
        }
    }

    private static bool CanRetry(LogAppendStatus status) =>
        status is LogAppendStatus.DiskFull or LogAppendStatus.Overloaded;

    private void Append(Submission submission)
    {
        var write = submission.Write;
        var append = new GroupAppend
        {
            Group = group,
            State = write.HardState is { } state
                ? new GroupState(state.Term.Value, state.Vote.Value, state.Commit.Value)
                : null,
            MustSync = write.MustSync,
            Completion = submission,
        };
        foreach (var entry in write.Entries)
        {
            append.Entries.Add(new(entry.Term.Value, entry.Index.Value, (byte)entry.Kind, entry.Payload));
        }
        awaited++;
        log.Append(append);
    }

    private void Report(Submission submission) => logged(submission);
}

/// <summary>A replica cannot go on: an invariant is broken or its log has failed.</summary>
internal sealed class ReplicaFailedException(string message, bool isOfDisk = false) : Exception(message)
{
    /// <summary>The disk takes nothing any more; what the replica had applied is as good as before.</summary>
    public bool IsOfDisk => isOfDisk;
}
