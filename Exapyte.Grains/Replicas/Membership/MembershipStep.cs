using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Membership;

/// <summary>What a leader is to do next about its group's membership.</summary>
internal enum MembershipStepKind : byte
{
    /// <summary>Nothing: the configuration is what the map wants, or the map wants nothing that can be done.</summary>
    Settled,

    /// <summary>Nothing now: something is under way, or a learner has to catch up first.</summary>
    Wait,

    /// <summary>Propose <see cref="MembershipStep.Change"/>.</summary>
    Change,

    /// <summary>Hand leadership to <see cref="MembershipStep.Successor"/>: the leader itself is to go.</summary>
    HandOver,
}

/// <summary>One step.</summary>
/// <param name="Kind">What is to be done.</param>
/// <param name="Change">The change to propose.</param>
/// <param name="Expected">The index of the configuration that the change was computed from.</param>
/// <param name="Successor">Who is to lead.</param>
internal readonly record struct MembershipStep(
    MembershipStepKind Kind,
    ConfigurationChange? Change = null,
    LogIndex Expected = default,
    MemberId Successor = default
)
{
    /// <summary>Nothing to do.</summary>
    public static MembershipStep Settled => new(MembershipStepKind.Settled);

    /// <summary>Nothing to do now.</summary>
    public static MembershipStep Wait => new(MembershipStepKind.Wait);

    /// <summary>A change of the configuration.</summary>
    public static MembershipStep Of(ConfigurationChange change, Configuration from) =>
        new(MembershipStepKind.Change, change, from.Index);

    /// <summary>Leadership to another.</summary>
    public static MembershipStep HandOverTo(MemberId successor) =>
        new(MembershipStepKind.HandOver, Successor: successor);
}
