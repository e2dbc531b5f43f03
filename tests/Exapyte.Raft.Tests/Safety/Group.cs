using Exapyte.Raft.Tests.Harness;

namespace Exapyte.Raft.Tests.Safety;

/// <summary>Questions about a whole group that no member could answer.</summary>
static class Group
{
    /// <summary>Whether an entry is on the disks of a majority of each half.</summary>
    public static bool HasDurableQuorum(
        List<TestMember> members,
        Configuration configuration,
        LogIndex index,
        Term? term
    )
    {
        bool Holds(MemberId id)
        {
            var log = members.Find(member => member.Id == id)!.Log;
            return log.FirstIndex > index || log.TermAt(index) == term;
        }

        bool HasMajority(IReadOnlyCollection<MemberId> voters) => voters.Count(Holds) * 2 > voters.Count;
        return HasMajority(configuration.Voters)
            && (!configuration.IsJoint || HasMajority(configuration.OutgoingVoters));
    }

    public static string Describe(TestMember member)
    {
        var core = member.Core;
        var progress = new List<FollowerProgress>();
        core.ReadProgress(progress);
        return $"{core.Id} {core.Role} term {core.Term} leader {core.Leader} last {core.LastIndex} commit {core.CommitIndex}"
            + $" applied {core.AppliedIndex} log from {member.Log.FirstIndex} {core.Configuration}"
            + $" {string.Join("; ", progress)}";
    }
}
