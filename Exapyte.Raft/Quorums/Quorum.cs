namespace Exapyte.Raft;

/// <summary>A number that each member has: its match index, its last answered beat, the time of that beat.</summary>
interface IMemberValue
{
    /// <summary>The member's number; 0 where it has none.</summary>
    ulong Of(MemberId member);
}

/// <summary>How a vote stands.</summary>
enum VoteResult
{
    /// <summary>Neither side has enough.</summary>
    Pending,

    /// <summary>Enough said yes.</summary>
    Won,

    /// <summary>So many said no that it cannot be won any more.</summary>
    Lost,
}

/// <summary>
/// What a configuration's quorum agrees on (Raft paper, sections 5.3, 5.4 and 6). A quorum is a majority of the voters and,
/// in a joint configuration, also a majority of the outgoing voters; learners never count. Any two quorums of one
/// configuration share a member. An empty half agrees to everything, so that the other half decides; a configuration
/// without any voter decides nothing.
/// </summary>
static class Quorum
{
    const int StackMembersMax = 16;

    /// <summary>The greatest number that a quorum has reached.</summary>
    public static ulong Reached<TValue>(Configuration configuration, TValue value)
        where TValue : struct, IMemberValue
    {
        if (configuration.Voters.IsEmpty && configuration.OutgoingVoters.IsEmpty)
        {
            return 0;
        }

        return Math.Min(
            ReachedByMajority(configuration.Voters.AsSpan(), value),
            ReachedByMajority(configuration.OutgoingVoters.AsSpan(), value)
        );
    }

    /// <summary>How a vote stands in which each member's number is 0 (no word), 1 (no) or 2 (yes).</summary>
    public static VoteResult Tally<TValue>(Configuration configuration, TValue votes)
        where TValue : struct, IMemberValue
    {
        if (configuration.Voters.IsEmpty && configuration.OutgoingVoters.IsEmpty)
        {
            return VoteResult.Lost;
        }

        var incoming = TallyMajority(configuration.Voters.AsSpan(), votes);
        var outgoing = TallyMajority(configuration.OutgoingVoters.AsSpan(), votes);
        if (incoming == outgoing)
        {
            return incoming;
        }

        return incoming == VoteResult.Lost || outgoing == VoteResult.Lost ? VoteResult.Lost : VoteResult.Pending;
    }

    static ulong ReachedByMajority<TValue>(ReadOnlySpan<MemberId> voters, TValue value)
        where TValue : struct, IMemberValue
    {
        switch (voters.Length)
        {
            case 0:
                return ulong.MaxValue;
            case 1:
                return value.Of(voters[0]);
        }

        Span<ulong> sorted =
            voters.Length <= StackMembersMax ? stackalloc ulong[StackMembersMax] : new ulong[voters.Length];
        sorted = sorted[..voters.Length];
        for (var i = 0; i < voters.Length; i++)
        {
            sorted[i] = value.Of(voters[i]);
        }

        sorted.Sort();
        // n/2 + 1 members stand at this place or behind it: a majority has at least this number.
        return sorted[sorted.Length - (sorted.Length / 2 + 1)];
    }

    static VoteResult TallyMajority<TValue>(ReadOnlySpan<MemberId> voters, TValue votes)
        where TValue : struct, IMemberValue
    {
        var needed = voters.Length / 2 + 1;
        if (voters.IsEmpty)
        {
            return VoteResult.Won;
        }

        int yes = 0,
            silent = 0;
        foreach (var voter in voters)
        {
            switch (votes.Of(voter))
            {
                case Ballots.Yes:
                    yes++;
                    break;
                case Ballots.Silent:
                    silent++;
                    break;
            }
        }

        return yes >= needed ? VoteResult.Won
            : yes + silent >= needed ? VoteResult.Pending
            : VoteResult.Lost;
    }
}
