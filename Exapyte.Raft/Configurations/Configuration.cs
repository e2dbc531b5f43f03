using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Raft;

/// <summary>
/// Who belongs to a group. Immutable.
/// <para>
/// A <em>joint</em> configuration (Raft paper, section 6) has outgoing voters: a decision then needs a majority of
/// <see cref="Voters"/> and a majority of <see cref="OutgoingVoters"/>.
/// </para>
/// <list type="bullet">
/// <item>No member is a voter and a learner. A member may be an outgoing voter and also a (next) voter.</item>
/// <item><see cref="LearnersNext"/> are outgoing voters that become learners when the joint configuration is left.</item>
/// <item>Without outgoing voters there are no next learners and <see cref="AutoLeave"/> is false.</item>
/// </list>
/// </summary>
public sealed class Configuration : IEquatable<Configuration>
{
    /// <summary>How many members a configuration can name in each of its lists.</summary>
    public const int MembersMax = 128;

    Configuration(
        LogIndex index,
        ImmutableArray<MemberId> voters,
        ImmutableArray<MemberId> outgoingVoters,
        ImmutableArray<MemberId> learners,
        ImmutableArray<MemberId> learnersNext,
        bool autoLeave
    )
    {
        Index = index;
        Voters = voters;
        OutgoingVoters = outgoingVoters;
        Learners = learners;
        LearnersNext = learnersNext;
        AutoLeave = autoLeave;
        Members = [.. new SortedSet<MemberId>([.. voters, .. outgoingVoters, .. learners, .. learnersNext])];
    }

    /// <summary>Nobody: the configuration of a member that waits to be told (by a snapshot or the log) where it belongs.</summary>
    public static Configuration Empty { get; } = new(default, [], [], [], [], autoLeave: false);

    /// <summary>The index of the entry that made this configuration; 0 for one that a group began with.</summary>
    public LogIndex Index { get; }

    /// <summary>Those who vote, in a joint configuration the incoming ones. Sorted.</summary>
    public ImmutableArray<MemberId> Voters { get; }

    /// <summary>Those who voted before a joint change and still do. Sorted; empty unless joint.</summary>
    public ImmutableArray<MemberId> OutgoingVoters { get; }

    /// <summary>Those who receive the log and never count. Sorted.</summary>
    public ImmutableArray<MemberId> Learners { get; }

    /// <summary>Outgoing voters that become learners when the joint configuration is left. Sorted.</summary>
    public ImmutableArray<MemberId> LearnersNext { get; }

    /// <summary>Whether the leader leaves the joint configuration by itself as soon as it may.</summary>
    public bool AutoLeave { get; }

    /// <summary>Everyone named above, once. Sorted.</summary>
    public ImmutableArray<MemberId> Members { get; }

    /// <summary>Whether decisions need two majorities.</summary>
    public bool IsJoint => !OutgoingVoters.IsEmpty;

    /// <summary>A configuration of these voters and nobody else; repeated ids count once.</summary>
    /// <exception cref="ArgumentException">An id is 0, or there are more than <see cref="MembersMax"/>.</exception>
    public static Configuration Of(params ReadOnlySpan<MemberId> voters) =>
        Create(default, voters.ToArray(), [], [], []);

    /// <summary>A configuration of these voters and learners; repeated ids count once.</summary>
    /// <exception cref="ArgumentException">The lists break a rule named above the type.</exception>
    public static Configuration Of(IEnumerable<MemberId> voters, IEnumerable<MemberId> learners) =>
        Create(default, voters, [], learners, []);

    /// <summary>Any configuration; the lists need no order.</summary>
    /// <exception cref="ArgumentException">The lists break a rule named above the type.</exception>
    public static Configuration Create(
        LogIndex index,
        IEnumerable<MemberId> voters,
        IEnumerable<MemberId> outgoingVoters,
        IEnumerable<MemberId> learners,
        IEnumerable<MemberId> learnersNext,
        bool autoLeave = false
    )
    {
        var configuration = Sort(index, voters, outgoingVoters, learners, learnersNext, autoLeave);
        return configuration.Fault() is { } fault ? throw new ArgumentException(fault, nameof(voters)) : configuration;
    }

    /// <summary>The same members, made by the entry at <paramref name="index"/>.</summary>
    public Configuration At(LogIndex index) =>
        index == Index ? this : new(index, Voters, OutgoingVoters, Learners, LearnersNext, AutoLeave);

    /// <summary>Whether this member's vote counts, in either majority.</summary>
    public bool IsVoter(MemberId member) => Has(Voters, member) || Has(OutgoingVoters, member);

    /// <summary>Whether this member receives the log without a vote.</summary>
    public bool IsLearner(MemberId member) => Has(Learners, member);

    /// <summary>Whether this member belongs to the group at all.</summary>
    public bool IsMember(MemberId member) => Has(Members, member);

    /// <inheritdoc />
    public bool Equals(Configuration? other) =>
        other is not null
        && Index == other.Index
        && AutoLeave == other.AutoLeave
        && Voters.AsSpan().SequenceEqual(other.Voters.AsSpan())
        && OutgoingVoters.AsSpan().SequenceEqual(other.OutgoingVoters.AsSpan())
        && Learners.AsSpan().SequenceEqual(other.Learners.AsSpan())
        && LearnersNext.AsSpan().SequenceEqual(other.LearnersNext.AsSpan());

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as Configuration);

    /// <inheritdoc />
    public override int GetHashCode() => HashCode.Combine(Index, Voters.Length, OutgoingVoters.Length, Members.Length);

    /// <summary>For people: <c>voters=(1 2 3)&amp;&amp;(1 2) learners=(4) learners_next=(2) autoleave @7</c>.</summary>
    public override string ToString()
    {
        var text = $"voters=({string.Join(' ', Voters)})";
        text += IsJoint ? $"&&({string.Join(' ', OutgoingVoters)})" : "";
        text += Learners.IsEmpty ? "" : $" learners=({string.Join(' ', Learners)})";
        text += LearnersNext.IsEmpty ? "" : $" learners_next=({string.Join(' ', LearnersNext)})";
        text += AutoLeave ? " autoleave" : "";
        return Index == LogIndex.Zero ? text : $"{text} @{Index}";
    }

    internal static bool Has(ImmutableArray<MemberId> sorted, MemberId member) => sorted.BinarySearch(member) >= 0;

    internal static bool TryCreate(
        LogIndex index,
        IEnumerable<MemberId> voters,
        IEnumerable<MemberId> outgoingVoters,
        IEnumerable<MemberId> learners,
        IEnumerable<MemberId> learnersNext,
        bool autoLeave,
        [NotNullWhen(true)] out Configuration? configuration
    )
    {
        configuration = Sort(index, voters, outgoingVoters, learners, learnersNext, autoLeave);
        if (configuration.Fault() is not null)
        {
            configuration = null;
        }

        return configuration is not null;
    }

    static Configuration Sort(
        LogIndex index,
        IEnumerable<MemberId> voters,
        IEnumerable<MemberId> outgoingVoters,
        IEnumerable<MemberId> learners,
        IEnumerable<MemberId> learnersNext,
        bool autoLeave
    ) => new(index, Sorted(voters), Sorted(outgoingVoters), Sorted(learners), Sorted(learnersNext), autoLeave);

    static ImmutableArray<MemberId> Sorted(IEnumerable<MemberId> members) => [.. new SortedSet<MemberId>(members)];

    string? Fault()
    {
        if (Has(Members, MemberId.None))
        {
            return "0 is no member.";
        }

        if (Voters.Length > MembersMax || OutgoingVoters.Length > MembersMax || Learners.Length > MembersMax)
        {
            return $"A configuration names at most {MembersMax} members in each list.";
        }

        foreach (var learner in Learners)
        {
            if (Has(Voters, learner) || Has(OutgoingVoters, learner))
            {
                return $"{learner} cannot be a voter and a learner.";
            }
        }

        foreach (var next in LearnersNext)
        {
            if (!Has(OutgoingVoters, next) || Has(Voters, next))
            {
                return $"{next} can become a learner only if it is an outgoing voter and no incoming one.";
            }
        }

        if (IsJoint && Voters.IsEmpty)
        {
            return "A group needs a voter.";
        }

        return AutoLeave && !IsJoint ? "Only a joint configuration can be left." : null;
    }
}
