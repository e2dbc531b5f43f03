using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// Computes the configuration that a change leads to (Raft paper, section 6; thesis, sections 4.1 to 4.3).
/// <list type="bullet">
/// <item>A simple change alters the set of voters by one at most, so that old and new majorities overlap.</item>
/// <item>A joint change keeps the old voters as outgoing ones until the joint configuration is left.</item>
/// <item>No change leaves a group without voters.</item>
/// </list>
/// </summary>
static class ConfigurationChanger
{
    /// <summary>Gives the configuration behind <paramref name="change"/>, or why there is none.</summary>
    public static bool TryApply(
        Configuration current,
        ConfigurationChange change,
        [NotNullWhen(true)] out Configuration? next,
        [NotNullWhen(false)] out string? refusal
    )
    {
        next = null;
        refusal = Fault(current, change);
        if (refusal is not null)
        {
            return false;
        }

        if (change.IsLeave)
        {
            next = Left(current);
            return true;
        }

        var draft = new Draft(current);
        var isJoint = change.Transition != ConfigurationTransition.Auto || change.Changes.Length > 1;
        if (isJoint)
        {
            draft.Outgoing.UnionWith(draft.Voters);
        }

        foreach (var step in change.Changes)
        {
            draft.Apply(step);
        }

        refusal = draft.Fault(current, isJoint);
        if (refusal is not null)
        {
            return false;
        }

        next = draft.Build(isJoint && change.Transition != ConfigurationTransition.JointExplicitLeave);
        return true;
    }

    static string? Fault(Configuration current, ConfigurationChange change)
    {
        if (change.Changes.Length > ConfigurationChange.ChangesMax)
        {
            return $"More than {ConfigurationChange.ChangesMax} changes at once.";
        }

        foreach (var step in change.Changes)
        {
            if (step.Member.IsNone)
            {
                return "0 is no member.";
            }

            if (step.Kind is < MemberChangeKind.AddVoter or > MemberChangeKind.Remove)
            {
                return $"{step.Kind} is no kind of change.";
            }
        }

        return (current.IsJoint, change.IsLeave) switch
        {
            (true, false) => "The joint configuration must be left first.",
            (false, true) => "There is no joint configuration to leave.",
            _ => null,
        };
    }

    static Configuration Left(Configuration joint) =>
        Configuration.Create(joint.Index, joint.Voters, [], [.. joint.Learners, .. joint.LearnersNext], []);

    sealed class Draft(Configuration current)
    {
        readonly HashSet<MemberId> learners = [.. current.Learners];
        readonly HashSet<MemberId> learnersNext = [.. current.LearnersNext];

        public HashSet<MemberId> Voters { get; } = [.. current.Voters];

        public HashSet<MemberId> Outgoing { get; } = [.. current.OutgoingVoters];

        public void Apply(MemberChange step)
        {
            Voters.Remove(step.Member);
            learners.Remove(step.Member);
            learnersNext.Remove(step.Member);
            switch (step.Kind)
            {
                case MemberChangeKind.AddVoter:
                    Voters.Add(step.Member);
                    break;
                // An outgoing voter still votes: it can become a learner only when the joint configuration is left.
                case MemberChangeKind.AddLearner when Outgoing.Contains(step.Member):
                    learnersNext.Add(step.Member);
                    break;
                case MemberChangeKind.AddLearner:
                    learners.Add(step.Member);
                    break;
            }
        }

        public string? Fault(Configuration before, bool isJoint)
        {
            if (Voters.Count == 0)
            {
                return "A group needs a voter.";
            }

            if (Voters.Count > Configuration.MembersMax || learners.Count > Configuration.MembersMax)
            {
                return $"A configuration names at most {Configuration.MembersMax} members in each list.";
            }

            if (isJoint && before.Voters.IsEmpty)
            {
                return "Nobody can agree to leave an empty configuration jointly.";
            }

            var differing = new HashSet<MemberId>(Voters);
            differing.SymmetricExceptWith(before.Voters);
            return !isJoint && differing.Count > 1 ? "More than one voter differs: that needs a joint change." : null;
        }

        public Configuration Build(bool autoLeave) =>
            Configuration.Create(current.Index, Voters, Outgoing, learners, learnersNext, autoLeave);
    }
}
