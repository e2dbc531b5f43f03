namespace Exapyte.Raft;

/// <summary>A leader's progress of every member of the configuration, in the order of their ids.</summary>
sealed class ProgressTable(RaftOptions options)
{
    readonly List<Progress> all = [];

    public IReadOnlyList<Progress> All => all;

    public int Count => all.Count;

    public Progress this[int place] => all[place];

    public Progress? Find(MemberId member)
    {
        // A group has a handful of members: walking is faster than hashing, and allocates nothing.
        foreach (var progress in all)
        {
            if (progress.Member == member)
            {
                return progress;
            }
        }

        return null;
    }

    /// <summary>Keeps who stays, forgets who left, begins with who is new.</summary>
    public void Follow(Configuration configuration, LogIndex next)
    {
        var kept = new List<Progress>(configuration.Members.Length);
        foreach (var member in configuration.Members)
        {
            kept.Add(Find(member) ?? Begin(member, next));
        }

        all.Clear();
        all.AddRange(kept);
    }

    public LogIndex Committed(Configuration configuration) => new(Quorum.Reached(configuration, new Matches(this)));

    public ulong AnsweredBeat(Configuration configuration) => Quorum.Reached(configuration, new Beats(this));

    public ulong LeaseFrom(Configuration configuration) => Quorum.Reached(configuration, new Leases(this));

    public bool HasActiveQuorum(Configuration configuration) =>
        Quorum.Tally(configuration, new Activity(this)) == VoteResult.Won;

    // A new member counts as active, or it would pull the leader down before its first answer.
    Progress Begin(MemberId member, LogIndex next) =>
        new(member, next, new Inflights(options.InflightMessagesMax, options.InflightBytesMax)) { IsActive = true };

    readonly struct Matches(ProgressTable table) : IMemberValue
    {
        public ulong Of(MemberId member) => table.Find(member)?.Match.Value ?? 0;
    }

    readonly struct Beats(ProgressTable table) : IMemberValue
    {
        public ulong Of(MemberId member) => table.Find(member)?.AnsweredBeat ?? 0;
    }

    readonly struct Leases(ProgressTable table) : IMemberValue
    {
        public ulong Of(MemberId member) => table.Find(member)?.LeaseFrom ?? 0;
    }

    readonly struct Activity(ProgressTable table) : IMemberValue
    {
        public ulong Of(MemberId member) => table.Find(member) is { IsActive: true } ? Ballots.Yes : Ballots.No;
    }
}
