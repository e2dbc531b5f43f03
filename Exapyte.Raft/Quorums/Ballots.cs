namespace Exapyte.Raft;

/// <summary>The answers to one (pre-)vote. The first answer of a member counts, a repeated one changes nothing.</summary>
sealed class Ballots
{
    public const ulong Silent = 0;
    public const ulong No = 1;
    public const ulong Yes = 2;

    readonly Dictionary<MemberId, ulong> answers = [];

    public void Clear() => answers.Clear();

    public void Record(MemberId member, bool granted) => answers.TryAdd(member, granted ? Yes : No);

    public VoteResult Tally(Configuration configuration) => Quorum.Tally(configuration, new Answers(this));

    readonly struct Answers(Ballots ballots) : IMemberValue
    {
        public ulong Of(MemberId member) => ballots.answers.GetValueOrDefault(member, Silent);
    }
}
