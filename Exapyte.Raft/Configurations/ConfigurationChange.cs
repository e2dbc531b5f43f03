using System.Collections.Immutable;

namespace Exapyte.Raft;

/// <summary>What is to happen to one member. The numbers are the stored format.</summary>
public enum MemberChangeKind : byte
{
    /// <summary>It becomes a voter, from a learner or from nothing.</summary>
    AddVoter = 1,

    /// <summary>It becomes a learner, from a voter or from nothing.</summary>
    AddLearner = 2,

    /// <summary>It leaves the group.</summary>
    Remove = 3,
}

/// <summary>A change of one member.</summary>
/// <param name="Kind">What happens.</param>
/// <param name="Member">To whom.</param>
public readonly record struct MemberChange(MemberChangeKind Kind, MemberId Member);

/// <summary>How a change gets from the old configuration to the new one. The numbers are the stored format.</summary>
public enum ConfigurationTransition : byte
{
    /// <summary>A single change in one step, several jointly with automatic leave.</summary>
    Auto = 0,

    /// <summary>Through a joint configuration that the leader leaves by itself.</summary>
    JointAutoLeave = 1,

    /// <summary>Through a joint configuration that stays until <see cref="ConfigurationChange.Leave"/> is proposed.</summary>
    JointExplicitLeave = 2,
}

/// <summary>A wish to change the configuration. Immutable. No changes at all means: leave the joint configuration.</summary>
/// <param name="Changes">What happens, in order; a later change of the same member wins.</param>
/// <param name="Transition">How to get there.</param>
public sealed record ConfigurationChange(
    ImmutableArray<MemberChange> Changes,
    ConfigurationTransition Transition = ConfigurationTransition.Auto
)
{
    /// <summary>How many changes one wish can hold.</summary>
    public const int ChangesMax = 256;

    /// <summary>The wish to leave a joint configuration.</summary>
    public static ConfigurationChange Leave { get; } = new([]);

    /// <summary>Whether this leaves a joint configuration.</summary>
    public bool IsLeave => Changes.IsEmpty;

    /// <summary>Makes one member a voter.</summary>
    public static ConfigurationChange AddVoter(MemberId member) => new([new(MemberChangeKind.AddVoter, member)]);

    /// <summary>Makes one member a learner.</summary>
    public static ConfigurationChange AddLearner(MemberId member) => new([new(MemberChangeKind.AddLearner, member)]);

    /// <summary>Removes one member.</summary>
    public static ConfigurationChange Remove(MemberId member) => new([new(MemberChangeKind.Remove, member)]);

    /// <inheritdoc />
    public bool Equals(ConfigurationChange? other) =>
        other is not null && Transition == other.Transition && Changes.AsSpan().SequenceEqual(other.Changes.AsSpan());

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Changes.Length, Transition);

    /// <summary>For people: <c>+4 ~2 -3 joint-auto</c> (voter, learner, removed), or <c>leave</c>.</summary>
    public override string ToString()
    {
        if (IsLeave)
        {
            return "leave";
        }

        var words = new List<string>(Changes.Length + 1);
        foreach (var change in Changes)
        {
            var sign = change.Kind switch
            {
                MemberChangeKind.AddVoter => '+',
                MemberChangeKind.AddLearner => '~',
                _ => '-',
            };
            words.Add($"{sign}{change.Member}");
        }

        if (Transition != ConfigurationTransition.Auto)
        {
            words.Add(Transition == ConfigurationTransition.JointAutoLeave ? "joint-auto" : "joint-explicit");
        }

        return string.Join(' ', words);
    }
}
