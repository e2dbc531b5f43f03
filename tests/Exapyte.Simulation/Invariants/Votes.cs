using System.Collections.Immutable;
using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Who has voted for whom, over all lives of all members: once a term each (Raft paper, section 5.2), and nobody leads
/// without the votes of a quorum.
/// </summary>
internal sealed class Votes
{
    private readonly Dictionary<(Term Term, MemberId Voter), MemberId> given = [];

    public void Saw(RaftMessage message)
    {
        var candidate = message switch
        {
            { Kind: RaftMessageKind.VoteResponse, Reject: false } => message.To,
            // Who asks for votes has given itself its own.
            { Kind: RaftMessageKind.VoteRequest } => message.From,
            _ => MemberId.None,
        };
        if (candidate.IsNone)
        {
            return;
        }
        History.Require(
            given.TryAdd((message.Term, message.From), candidate) || given[(message.Term, message.From)] == candidate,
            "voted-twice",
            $"{message.From} votes for {candidate} in {message.Term} after another"
        );
    }

    public void RequireFor(RaftCore leader) =>
        History.Require(
            HasMajority(leader.Configuration.Voters, leader)
                && (!leader.Configuration.IsJoint || HasMajority(leader.Configuration.OutgoingVoters, leader)),
            "elected-without-quorum",
            $"{leader.Id} leads term {leader.Term} without the votes of a quorum of {leader.Configuration}"
        );

    private bool HasMajority(ImmutableArray<MemberId> voters, RaftCore leader)
    {
        var votes = 0;
        foreach (var voter in voters)
        {
            votes += voter == leader.Id || given.GetValueOrDefault((leader.Term, voter)) == leader.Id ? 1 : 0;
        }
        return votes > voters.Length / 2;
    }
}
