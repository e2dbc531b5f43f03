namespace Exapyte.Raft;

/// <summary>A question from which index one may read.</summary>
/// <param name="From">Who asks; the leader itself perhaps.</param>
/// <param name="Context">The number under which it wants the answer.</param>
readonly record struct ReadRequest(MemberId From, ulong Context);

/// <summary>
/// ReadIndex at the leader (thesis, section 6.4): many questions, one round of heartbeats.
/// <list type="bullet">
/// <item>No round starts before an entry of the own term is committed: until then the commit index may be old.</item>
/// <item>A round's index is the commit index when it starts, after all its questions came.</item>
/// <item>It ends when a quorum answered a beat sent at its start or later: nobody else led before that.</item>
/// </list>
/// </summary>
sealed class LeaderReads(Member member, LeaderRole leader)
{
    const int RoundsMax = 4;

    readonly record struct Round(ulong Beat, LogIndex Index, List<ReadRequest> Requests);

    readonly Queue<Round> rounds = new();
    List<ReadRequest> gathered = [];
    int waiting;

    public bool HasToFlush => gathered.Count > 0 && rounds.Count < RoundsMax && leader.HasCommittedInTerm;

    public void Ask(ReadRequest request)
    {
        if (waiting >= member.Options.PendingReadsMax)
        {
            Answer(request, null);
            return;
        }

        waiting++;
        gathered.Add(request);
    }

    public void Flush()
    {
        if (HasToFlush)
        {
            Beat();
        }
    }

    /// <summary>Sends a beat; what has gathered rides on it.</summary>
    public void Beat()
    {
        leader.SendHeartbeats();
        if (gathered.Count > 0 && leader.HasCommittedInTerm)
        {
            rounds.Enqueue(new Round(leader.Beats.Last, member.Log.Committed, gathered));
            gathered = [];
        }

        Advance();
    }

    /// <summary>Ends the rounds that a quorum has answered.</summary>
    public void Advance()
    {
        if (rounds.Count == 0)
        {
            return;
        }

        var reached = leader.Progress.AnsweredBeat(member.Configuration);
        while (rounds.TryPeek(out var round) && round.Beat <= reached)
        {
            rounds.Dequeue();
            waiting -= round.Requests.Count;
            foreach (var request in round.Requests)
            {
                Answer(request, round.Index);
            }
        }
    }

    void Answer(ReadRequest request, LogIndex? index)
    {
        if (request.From == member.Id)
        {
            member.Reads.Answered(request.Context, index);
            return;
        }

        member.Outbox.Send(
            new RaftMessage
            {
                Kind = RaftMessageKind.ReadIndexResponse,
                From = member.Id,
                To = request.From,
                Term = member.Term,
                Index = index ?? default,
                Reject = index is null,
                Context = request.Context,
            }
        );
    }
}
