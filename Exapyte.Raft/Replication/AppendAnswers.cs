namespace Exapyte.Raft;

/// <summary>
/// What a leader makes of the answers to its appends (Raft paper, section 5.3): forward when they match, back when they do
/// not, by a whole term at a time.
/// </summary>
sealed class AppendAnswers(Member member, LeaderRole leader)
{
    public void Handle(RaftMessage message, Progress progress)
    {
        progress.IsActive = true;
        if (message.Reject)
        {
            Rejected(message, progress);
        }
        else if (message.Index <= member.Log.Last)
        {
            Confirmed(message.Index, progress);
        }
    }

    /// <summary>
    /// The follower's hint is the last entry it holds that may match. Where its term there is known, all of our entries behind
    /// that are newer than it cannot match either: terms never fall along a log.
    /// </summary>
    void Rejected(RaftMessage message, Progress progress)
    {
        var hint = message.RejectHint;
        if (message.LogTerm > default(Term))
        {
            hint = member.Log.LastNotNewerThan(hint, message.LogTerm).Index;
        }

        if (progress.Reject(message.Index, hint))
        {
            leader.Changed();
        }
    }

    void Confirmed(LogIndex index, Progress progress)
    {
        var isNews = progress.Confirm(index);
        // A probe that found what was known before still proves that the follower listens again.
        if (!isNews && !(progress.Match == index && progress.State == ReplicationState.Probe))
        {
            return;
        }

        switch (progress.State)
        {
            case ReplicationState.Probe:
                progress.BecomeReplicate();
                break;
            case ReplicationState.Snapshot when progress.Match.Next >= member.Log.First:
                // Whatever brought it this far, the log can go on from here.
                progress.BecomeReplicate();
                break;
            case ReplicationState.Replicate:
                progress.Inflights.FreeThrough(index);
                break;
        }

        leader.Changed();
        leader.AdvanceCommit();
        leader.FinishTransfer(progress);
    }
}
