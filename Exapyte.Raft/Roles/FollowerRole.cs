namespace Exapyte.Raft;

/// <summary>Follows a leader, or waits for one (Raft paper, sections 5.2 and 5.3). Learners and strangers are followers too.</summary>
sealed class FollowerRole(Member member) : Role(member)
{
    public override RaftRole Kind => RaftRole.Follower;

    public override void Tick() => Member.TickElection();

    public override void Handle(RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.Append:
                Member.HeardFromLeader(message.From);
                HandleAppend(message);
                break;
            case RaftMessageKind.Heartbeat:
                Member.HeardFromLeader(message.From);
                HandleHeartbeat(message);
                break;
            case RaftMessageKind.TimeoutNow when Member.MayStand:
                // The leader itself asks for it: nobody needs to be asked whether that disturbs.
                Member.BecomeCandidate(force: true);
                break;
            case RaftMessageKind.ReadIndexResponse:
                Member.Reads.Answered(message);
                break;
        }
    }

    void HandleAppend(RaftMessage message)
    {
        var log = Member.Log;
        if (message.Index < log.Committed)
        {
            // An old message: what is committed matches for sure.
            Acknowledge(Member, message.From, log.Committed);
            return;
        }

        if (!log.Matches(message.Index, message.LogTerm))
        {
            Reject(message);
            return;
        }

        log.Accept(message.Entries);
        var lastNew = new LogIndex(message.Index.Value + (ulong)message.Entries.Count);
        log.CommitTo(LogIndex.Min(message.Commit, lastNew));
        Acknowledge(Member, message.From, lastNew);
    }

    /// <summary>Tells where the logs may match: the last entry at or before the index that is not newer than the leader's.</summary>
    void Reject(RaftMessage message)
    {
        var (hint, hintTerm) = Member.Log.LastNotNewerThan(message.Index, message.LogTerm);
        Member.Outbox.Send(
            new RaftMessage
            {
                Kind = RaftMessageKind.AppendResponse,
                From = Member.Id,
                To = message.From,
                Term = Member.Term,
                Index = message.Index,
                Reject = true,
                RejectHint = hint,
                LogTerm = hintTerm,
            }
        );
    }

    public static void Acknowledge(Member member, MemberId leader, LogIndex index) =>
        member.Outbox.SendOnceDurable(
            new RaftMessage
            {
                Kind = RaftMessageKind.AppendResponse,
                From = member.Id,
                To = leader,
                Term = member.Term,
                Index = index,
            }
        );

    void HandleHeartbeat(RaftMessage message)
    {
        // The leader names no more than it knows to match here; a log that lost acknowledged entries throws.
        Member.Log.CommitTo(message.Commit);
        Member.Outbox.Send(
            new RaftMessage
            {
                Kind = RaftMessageKind.HeartbeatResponse,
                From = Member.Id,
                To = message.From,
                Term = Member.Term,
                Context = message.Context,
            }
        );
    }
}
