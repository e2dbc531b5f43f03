using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Log;

/// <summary>
/// Hands a replica's log writes to the node log in order and reports each one durable in order. A write too large for one
/// append goes in several. After a write that found the disk full it holds back everything behind it and tries again from
/// there, so that the log never has a gap. Used by one thread at a time, but for the completions.
/// </summary>
/// <remarks>
/// Invariants: a write is reported durable only when it and all before it are; nothing is tried again before all that was
/// handed over has come back, so that no late completion vouches for what is being written anew; a write gets into the log
/// only behind all before it (<see cref="GroupAppend.After"/>). So a hard state goes with the entries it came with, and says of
/// no entry that it is committed which is not in the log: a member that starts again knows all that it knew when it
/// acknowledged its last entry. What a configuration that is committed asks for rests on that, for it counts from being
/// applied, and one who had forgotten that it is committed would ask voters that have been replaced.
/// </remarks>
/// <param name="log">The node's log.</param>
/// <param name="group">The replica's part of it.</param>
/// <param name="logged">Told when a write has come back, on the log's thread: hand it to <see cref="Take"/>.</param>
/// <param name="appendBytesMax">Payload and overhead that one append may have; a single entry always goes.</param>
internal sealed class ReplicaLogWriter(
    INodeLog log,
    GroupId group,
    Action<ReplicaLogWriter.Submission> logged,
    int appendBytesMax = 8 << 20
)
{
    private const int EntryOverheadBytes = 64;

    private readonly LinkedList<Submission> inFlight = [];
    private GroupAppend? last;
    private int inLog;
    private bool stuck;

    /// <summary>One write on its way, in as many appends as it takes.</summary>
    public sealed class Submission(ReplicaLogWriter owner, LogWrite write) : ILogCompletion
    {
        private readonly Lock gate = new();
        private int appendsLeft;

        /// <summary>What is written.</summary>
        public LogWrite Write => write;

        /// <summary>How it ended: as the first of its appends that failed, if one did.</summary>
        public LogAppendResult Result { get; private set; }

        /// <summary>Whether its entries are of no use any more; its hard state is.</summary>
        public bool IsOverwritten { get; set; }

        /// <summary>How many appends it was handed over in.</summary>
        public void HandedOver(int appends)
        {
            appendsLeft = appends;
            Result = default;
        }

        /// <inheritdoc/>
        public void Complete(LogAppendResult result)
        {
            bool isLast;
            lock (gate)
            {
                // Appends that the log's queue has no room for come back on the caller's thread, the others on the log's.
                Result = Result.IsOk ? result : Result;
                isLast = --appendsLeft == 0;
            }
            if (isLast)
            {
                owner.Report(this);
            }
        }
    }

    /// <summary>Whether writes wait for space on the disk.</summary>
    public bool IsStuck => stuck;

    /// <summary>The node's log.</summary>
    public INodeLog Log => log;

    /// <summary>The replica's part of it.</summary>
    public GroupId Group => group;

    /// <summary>Whether the log has failed for good.</summary>
    public bool HasLogFailed => log.Health.Condition == LogCondition.Failed;

    /// <summary>Requires a log that has not failed: a replica that writes nothing would not hear of it.</summary>
    /// <exception cref="ReplicaFailedException">It has failed.</exception>
    public void RequireLog()
    {
        if (log.Health is { Condition: LogCondition.Failed } failed)
        {
            throw new ReplicaFailedException($"The node's log has failed: {failed.Reason}", isOfDisk: true);
        }
    }

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
        inLog--;
        // With nothing before it, it is durable whatever became of those behind it, which may have come back earlier.
        if (submission.Result.IsOk && (!stuck || inFlight.First?.Value == submission))
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
    /// Tries again what is stuck. Only another attempt tells whether space has returned, or that the log has failed for
    /// good: the log itself learns the one and the replica the other from that.
    /// </summary>
    public void Retry()
    {
        if (!stuck || inLog > 0)
        {
            return;
        }
        stuck = false;
        last = null;
        foreach (var submission in inFlight)
        {
            Append(submission);
        }
    }

    /// <summary>A snapshot has replaced the log: of what is stuck only the hard states still matter.</summary>
    public void Restarted()
    {
        foreach (var submission in inFlight)
        {
            submission.IsOverwritten = true;
        }
    }

    private static bool CanRetry(LogAppendStatus status) =>
        status is LogAppendStatus.DiskFull or LogAppendStatus.Overloaded;

    private void Append(Submission submission)
    {
        var write = submission.Write;
        var append = New(submission);
        List<GroupAppend>? earlier = null;
        var bytes = 0;
        for (var i = 0; i < write.Entries.Count && !submission.IsOverwritten; i++)
        {
            var entry = write.Entries[i];
            var entryBytes = entry.Payload.Length + EntryOverheadBytes;
            if (bytes > 0 && bytes + entryBytes > appendBytesMax)
            {
                (earlier ??= []).Add(append);
                append = New(submission);
                bytes = 0;
            }
            bytes += entryBytes;
            append.Entries.Add(new(entry.Term.Value, entry.Index.Value, (byte)entry.Kind, entry.Payload));
        }
        submission.HandedOver(1 + (earlier?.Count ?? 0));
        inLog++;
        foreach (var part in earlier ?? [])
        {
            HandOver(write, part);
        }
        HandOver(write, append);
    }

    private void HandOver(LogWrite write, GroupAppend append)
    {
        append.State = StateWith(write, append);
        append.After = last;
        last = append;
        log.Append(append);
    }

    private GroupAppend New(Submission submission) =>
        new()
        {
            Group = group,
            MustSync = submission.Write.MustSync,
            Completion = submission,
        };

    /// <summary>The hard state goes with each append; what it says is committed must be in the log by then.</summary>
    private static GroupState? StateWith(LogWrite write, GroupAppend append)
    {
        if (write.HardState is not { } state)
        {
            return null;
        }
        var isPart = append.Entries.Count > 0 && append.Entries.Count < write.Entries.Count;
        var commit = isPart ? Math.Min(state.Commit.Value, append.Entries[^1].Index) : state.Commit.Value;
        return new GroupState(state.Term.Value, state.Vote.Value, commit);
    }

    private void Report(Submission submission) => logged(submission);
}
