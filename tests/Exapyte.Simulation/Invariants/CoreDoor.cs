using System.Runtime.CompilerServices;
using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// A look into the core that its public face does not give: its log as it stands in memory. And a hand, for planted bugs:
/// the core itself has no switch for any of them.
/// </summary>
internal static class CoreDoor
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "member")]
    public static extern ref Member MemberOf(RaftCore core);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Vote>k__BackingField")]
    public static extern ref MemberId VoteOf(Member member);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "leasedTicks")]
    public static extern ref int LeasedTicksOf(Member member);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<HasVoidedLeases>k__BackingField")]
    public static extern ref bool HasVoidedLeases(Transfer transfer);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "TruncateFrom")]
    public static extern void TruncateFrom(RaftLog log, LogIndex index);

    public static LeaderRole? LeaderOf(RaftCore core) => MemberOf(core).Role as LeaderRole;

    public static RaftLog LogOf(RaftCore core) => MemberOf(core).Log;
}
