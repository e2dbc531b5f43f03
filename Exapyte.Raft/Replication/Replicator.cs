namespace Exapyte.Raft;

/// <summary>
/// Sends entries to followers (Raft paper, section 5.3; thesis, section 10.2.1). It looks at each follower's progress and
/// sends all that may go now, so callers only say that something has changed.
/// </summary>
sealed class Replicator(Member member, ProgressTable table)
{
    // Followers that stand at the same place get the same array.
    LogIndex sharedFrom;
    LogEntry[]? shared;

    /// <summary>Whether something has changed since the last <see cref="Flush"/>.</summary>
    public bool IsDue { get; set; }

    public void Flush()
    {
        if (!IsDue)
        {
            return;
        }

        IsDue = false;
        shared = null;
        for (var i = 0; i < table.Count; i++)
        {
            if (table[i].Member != member.Id)
            {
                SendTo(table[i]);
            }
        }

        shared = null;
    }

    void SendTo(Progress progress)
    {
        while (!progress.IsPaused)
        {
            var isFull = progress.State == ReplicationState.Replicate && progress.Inflights.IsFull;
            var hasEntries = progress.Next <= member.Log.Last;
            var mayBeEmpty =
                progress.State == ReplicationState.Probe
                || progress.IsNudged
                || (!isFull && progress.LacksCommit(member.Log.Committed));
            if (!(hasEntries && !isFull) && !mayBeEmpty)
            {
                return;
            }

            if (!TrySend(progress, withEntries: !isFull))
            {
                NeedSnapshot(progress);
                return;
            }
        }
    }

    bool TrySend(Progress progress, bool withEntries)
    {
        var previous = progress.Next.Previous;
        if (member.Log.TermAt(previous) is not { } previousTerm)
        {
            return false;
        }

        var entries = withEntries ? Read(progress.Next) : [];
        if (entries is null)
        {
            return false;
        }

        var bytes = 0L;
        foreach (var entry in entries)
        {
            bytes += entry.SizeBytes;
        }

        member.Outbox.Send(
            new RaftMessage
            {
                Kind = RaftMessageKind.Append,
                From = member.Id,
                To = progress.Member,
                Term = member.Term,
                Index = previous,
                LogTerm = previousTerm,
                Commit = member.Log.Committed,
                Entries = entries,
            }
        );
        progress.SentAppend(entries.Length, bytes, member.Log.Committed);
        return true;
    }

    /// <summary>A member that is silent is not worth a snapshot; its next word brings it here again.</summary>
    void NeedSnapshot(Progress progress)
    {
        if (progress.IsActive)
        {
            progress.BecomeSnapshot();
            member.Snapshots.Add(new SnapshotRequest(progress.Member));
        }
    }

    LogEntry[]? Read(LogIndex from)
    {
        if (shared is null || sharedFrom != from)
        {
            shared = member.Log.Read(from, member.Options.MessageBytesMax);
            sharedFrom = from;
        }

        return shared;
    }
}
