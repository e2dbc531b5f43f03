namespace Exapyte.Raft;

/// <summary>
/// Where every message enters (Raft paper, section 5.1): newer terms are joined, older ones turned away, the rest goes to the
/// vote desk or to the role.
/// </summary>
static class TermGate
{
    public static void Step(Member member, RaftMessage message)
    {
        if (!IsForUs(member, message))
        {
            return;
        }

        if (message.Term > member.Term && !Join(member, message))
        {
            return;
        }

        if (message.Term < member.Term)
        {
            TurnAway(member, message);
        }
        else if (message.Kind is RaftMessageKind.VoteRequest or RaftMessageKind.PreVoteRequest)
        {
            VoteDesk.Answer(member, message);
        }
        else
        {
            member.Role.Handle(message);
        }
    }

    static bool IsForUs(Member member, RaftMessage message) =>
        message.To == member.Id
        && !message.From.IsNone
        && message.From != member.Id
        && message.Term > default(Term)
        && (message.Kind != RaftMessageKind.Append || HasGoodEntries(message));

    /// <summary>Joins a newer term. False if the message is to be ignored altogether.</summary>
    static bool Join(Member member, RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.VoteRequest or RaftMessageKind.PreVoteRequest when member.IsShielded && !message.Force:
                return false;
            case RaftMessageKind.PreVoteRequest:
            case RaftMessageKind.PreVoteResponse when !message.Reject:
                // Pre-votes speak of a term that may never be.
                return true;
            case RaftMessageKind.Append:
            case RaftMessageKind.Heartbeat:
                member.BecomeFollower(message.Term, message.From);
                return true;
            default:
                member.BecomeFollower(message.Term, MemberId.None);
                return true;
        }
    }

    /// <summary>
    /// A leader of the past must learn that it is one, and a member that asks for pre-votes in the past where it stands: both
    /// could otherwise be stuck, since nothing here raises their term.
    /// </summary>
    static void TurnAway(Member member, RaftMessage message)
    {
        switch (message.Kind)
        {
            case RaftMessageKind.Append
            or RaftMessageKind.Heartbeat when member.Options.CheckQuorum || member.Options.PreVote:
                member.Outbox.Send(
                    new RaftMessage
                    {
                        Kind = RaftMessageKind.AppendResponse,
                        From = member.Id,
                        To = message.From,
                        Term = member.Term,
                    }
                );
                break;
            case RaftMessageKind.PreVoteRequest:
                member.Outbox.Send(VoteDesk.Refusal(member, message));
                break;
        }
    }

    /// <summary>Entries follow each other, and their terms never fall nor pass the leader's.</summary>
    static bool HasGoodEntries(RaftMessage message)
    {
        var index = message.Index;
        var term = message.LogTerm;
        for (var i = 0; i < message.Entries.Count; i++)
        {
            var entry = message.Entries[i];
            if (entry.Index != index.Next || entry.Term < term || entry.Term > message.Term)
            {
                return false;
            }

            (index, term) = (entry.Index, entry.Term);
        }

        return true;
    }
}
