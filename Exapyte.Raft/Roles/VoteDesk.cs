namespace Exapyte.Raft;

/// <summary>
/// Answers those who ask for votes, in any role (Raft paper, sections 5.2 and 5.4.1).
/// <para>
/// Learners and strangers vote too: a member may have been made a voter by an entry it has not received, and an election may
/// hang on its vote. Whether the vote counts is the candidate's to know.
/// </para>
/// <para>
/// A refusal tells what is committed. A candidate may hold the entry that frees it from needing this vote (it was made a
/// smaller group's voter, and this member, who led then, was left out with a longer log) and not know that it is committed:
/// without a word the two would wait for each other for ever.
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
        var isLeased = member.IsLeased && !request.Force;
        if (!isFree || isLeased || !member.Log.IsUpToDate(request.Index, request.LogTerm))
        {
            member.Outbox.Send(Refusal(member, request));
            return;
        }

        if (isPreVote)
        {
            // It answers with the term it was asked about: its own may be so old that the answer would be ignored.
            member.Outbox.Send(Grant(member, request, request.Term));
            return;
        }

        member.CastVote(request.From);
        member.Outbox.SendOnceDurable(Grant(member, request, member.Term));
    }

    public static RaftMessage Refusal(Member member, RaftMessage request) =>
        new()
        {
            Kind = KindFor(request),
            From = member.Id,
            To = request.From,
            Term = member.Term,
            Reject = true,
            Commit = member.Log.Committed,
            LogTerm = member.Log.TermAt(member.Log.Committed) ?? default,
        };

    static RaftMessage Grant(Member member, RaftMessage request, Term term) =>
        new()
        {
            Kind = KindFor(request),
            From = member.Id,
            To = request.From,
            Term = term,
        };

    static RaftMessageKind KindFor(RaftMessage request) =>
        request.Kind == RaftMessageKind.PreVoteRequest ? RaftMessageKind.PreVoteResponse : RaftMessageKind.VoteResponse;
}
