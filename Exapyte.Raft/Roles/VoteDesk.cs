namespace Exapyte.Raft;

/// <summary>
/// Answers those who ask for votes, in any role (Raft paper, sections 5.2 and 5.4.1).
/// <para>
/// Learners and strangers vote too: a member may have been made a voter by an entry it has not received, and an election may
/// hang on its vote. Whether the vote counts is the candidate's to know.
/// </para>
/// </summary>
static class VoteDesk
{
    public static void Answer(Member member, RaftMessage request)
    {
        var isPreVote = request.Kind == RaftMessageKind.PreVoteRequest;
        var isFree =
            member.Vote == request.From
            || (member.Vote.IsNone && member.Leader.IsNone)
            || (isPreVote && request.Term > member.Term);
        if (!isFree || !member.Log.IsUpToDate(request.Index, request.LogTerm))
        {
            member.Outbox.Send(Response(member, request, member.Term, reject: true));
            return;
        }

        if (isPreVote)
        {
            // It answers with the term it was asked about: its own may be so old that the answer would be ignored.
            member.Outbox.Send(Response(member, request, request.Term, reject: false));
            return;
        }

        member.CastVote(request.From);
        member.Outbox.SendOnceDurable(Response(member, request, member.Term, reject: false));
    }

    public static RaftMessage Response(Member member, RaftMessage request, Term term, bool reject) =>
        new()
        {
            Kind =
                request.Kind == RaftMessageKind.PreVoteRequest
                    ? RaftMessageKind.PreVoteResponse
                    : RaftMessageKind.VoteResponse,
            From = member.Id,
            To = request.From,
            Term = term,
            Reject = reject,
        };
}
