namespace Exapyte.Raft;

/// <summary>What asking for pre-votes and asking for votes have in common.</summary>
abstract class CampaignRole(Member member) : Role(member)
{
    protected Ballots Ballots { get; } = new();

    public override void Tick() => Member.TickElection();

    public override void Handle(RaftMessage message)
    {
        switch (message.Kind)
        {
            // Somebody won this term.
            case RaftMessageKind.Append:
            case RaftMessageKind.Heartbeat:
                Member.BecomeFollower(message.Term, message.From);
                Member.Role.Handle(message);
                break;
            case RaftMessageKind.TimeoutNow when Member.MayStand:
                Member.BecomeCandidate(force: true);
                break;
            default:
                HandleBallot(message);
                break;
        }
    }

    protected abstract void HandleBallot(RaftMessage message);

    protected abstract void Won();

    /// <summary>Counts an answer, after it has learned from a refusal what is committed (see <see cref="VoteDesk"/>).</summary>
    protected void Count(RaftMessage answer)
    {
        if (answer.Reject && Member.Log.Matches(answer.Commit, answer.LogTerm) && Member.Log.CommitTo(answer.Commit))
        {
            if (!Member.MayStand)
            {
                // It counts votes by a configuration that the group has left: first apply, then try again.
                Member.BecomeFollower(Member.Term, MemberId.None);
                return;
            }
        }

        Count(answer.From, !answer.Reject);
    }

    protected void Count(MemberId voter, bool granted)
    {
        Ballots.Record(voter, granted);
        switch (Ballots.Tally(Member.Configuration))
        {
            case VoteResult.Won:
                Won();
                break;
            case VoteResult.Lost:
                Member.BecomeFollower(Member.Term, MemberId.None);
                break;
        }
    }

    protected RaftMessage Ask(RaftMessageKind kind, MemberId voter, Term term, bool force) =>
        new()
        {
            Kind = kind,
            From = Member.Id,
            To = voter,
            Term = term,
            Index = Member.Log.Last,
            LogTerm = Member.Log.LastTerm,
            Force = force,
        };
}

/// <summary>
/// Asks whether an election could be won before it raises the term (thesis, section 9.6). It promises nothing and changes
/// nothing durable, so nothing waits for the disk.
/// </summary>
sealed class PreCandidateRole(Member member) : CampaignRole(member)
{
    public override RaftRole Kind => RaftRole.PreCandidate;

    public void Begin()
    {
        foreach (var voter in Member.Configuration.Members)
        {
            if (voter != Member.Id && Member.Configuration.IsVoter(voter))
            {
                Member.Outbox.Send(Ask(RaftMessageKind.PreVoteRequest, voter, Member.Term.Next, force: false));
            }
        }

        Count(Member.Id, granted: true);
    }

    protected override void HandleBallot(RaftMessage message)
    {
        if (message.Kind == RaftMessageKind.PreVoteResponse)
        {
            // A grant names the term it was asked about; one of an older campaign says nothing about this one.
            if (message.Reject || message.Term == Member.Term.Next)
            {
                Count(message);
            }
        }
    }

    protected override void Won() => Member.BecomeCandidate(force: false);
}

/// <summary>
/// Stands for election in its term (Raft paper, section 5.2). Its own vote counts once it is durable, and so do the requests
/// leave: an answer to a request that a crash made untrue could otherwise elect it with a shorter log.
/// </summary>
sealed class CandidateRole(Member member) : CampaignRole(member)
{
    public override RaftRole Kind => RaftRole.Candidate;

    public void Begin(bool force)
    {
        foreach (var voter in Member.Configuration.Members)
        {
            if (voter != Member.Id && Member.Configuration.IsVoter(voter))
            {
                Member.Outbox.SendOnceDurable(Ask(RaftMessageKind.VoteRequest, voter, Member.Term, force));
            }
        }
    }

    public override void Persisted()
    {
        if (Member.Durable.Term == Member.Term && Member.Durable.Vote == Member.Id)
        {
            Count(Member.Id, granted: true);
        }
    }

    protected override void HandleBallot(RaftMessage message)
    {
        if (message.Kind == RaftMessageKind.VoteResponse)
        {
            Count(message);
        }
    }

    protected override void Won() => Member.BecomeLeader();
}
