using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>Nobody raises its term without having been told by a quorum that it could win (thesis, section 9.6).</summary>
internal sealed class GrantedPreVotes
{
    private readonly HashSet<(Term Term, MemberId From)> granted = [];
    private Term told;

    public void Add(RaftMessage grant) => granted.Add((grant.Term, grant.From));

    /// <summary>The leader of this term asks the member to take over: that needs no asking.</summary>
    public void ToldToCampaign(Term term) => told = term > told ? term : told;

    public void RequireFor(RaftCore candidate)
    {
        var configuration = candidate.Configuration;
        History.Require(
            told.Next >= candidate.Term
                || (
                    Wins(configuration.Voters, candidate)
                    && (!configuration.IsJoint || Wins(configuration.OutgoingVoters, candidate))
                ),
            "campaign-without-pre-vote",
            $"{candidate.Id} stands in {candidate.Term}, for which no quorum of {configuration} encouraged it"
        );
    }

    private bool Wins(System.Collections.Immutable.ImmutableArray<MemberId> voters, RaftCore candidate)
    {
        var encouraging = 0;
        foreach (var voter in voters)
        {
            encouraging += voter == candidate.Id || granted.Contains((candidate.Term, voter)) ? 1 : 0;
        }
        return encouraging > voters.Length / 2;
    }
}
