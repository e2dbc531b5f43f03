using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>
/// One comparison of a group's states: what its members have answered, and what follows. Decides and does nothing else.
/// Used under its owner's lock.
/// </summary>
/// <remarks>
/// A digest is right if more than half of the voters have it. A member that has another, or could not read its state, is
/// damaged; where no digest has a majority nobody is, for nobody can tell.
/// </remarks>
internal sealed class ScrubRound(ScrubKey key, IReadOnlyCollection<MemberId> voters)
{
    private readonly Dictionary<MemberId, ScrubAnswer> answers = [];

    /// <summary>Which scrub it is.</summary>
    public ScrubKey Key => key;

    /// <summary>What every member has answered, for people.</summary>
    public string Answers =>
        string.Join(
            ", ",
            answers
                .OrderBy(answer => answer.Key.Value)
                .Select(answer => $"{answer.Key.Value}: {answer.Value.Damage ?? answer.Value.Digest.ToString("x32")}")
        );

    /// <summary>What a member has answered; null where it has not.</summary>
    public ScrubAnswer? AnswerOf(MemberId member) => answers.GetValueOrDefault(member);

    /// <summary>Takes an answer; the first of a member stands.</summary>
    public void Take(MemberId member, ScrubAnswer answer) => answers.TryAdd(member, answer);

    /// <summary>Whether every voter has answered.</summary>
    public bool IsComplete => voters.All(answers.ContainsKey);

    /// <summary>What is known of a member.</summary>
    /// <param name="member">A member.</param>
    /// <param name="isOver">Nobody is waited for any more.</param>
    public ScrubOutcome OutcomeOf(MemberId member, bool isOver)
    {
        if (!answers.TryGetValue(member, out var own))
        {
            return isOver ? ScrubOutcome.Incomplete : ScrubOutcome.Running;
        }
        if (own.Damage is not null)
        {
            return ScrubOutcome.Damaged;
        }
        if (Right is { } right)
        {
            return own.Digest == right ? ScrubOutcome.Agrees : ScrubOutcome.Damaged;
        }
        if (!isOver && !IsComplete)
        {
            return ScrubOutcome.Running;
        }
        return Digests.Distinct().Count() > 1 ? ScrubOutcome.NoMajority : ScrubOutcome.Incomplete;
    }

    private IEnumerable<UInt128> Digests =>
        voters
            .Select(voter => answers.GetValueOrDefault(voter))
            .Where(answer => answer is { Damage: null })
            .Select(answer => answer!.Digest);

    private UInt128? Right
    {
        get
        {
            foreach (var (digest, count) in Digests.CountBy(digest => digest))
            {
                if (2 * count > voters.Count)
                {
                    return digest;
                }
            }
            return null;
        }
    }
}
