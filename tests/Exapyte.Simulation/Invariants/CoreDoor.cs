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

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "tail")]
    public static extern ref EntryTail TailOf(RaftLog log);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "waiting")]
    public static extern ref int WaitingOf(ReadDesk reads);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "waiting")]
    public static extern ref int WaitingOf(LeaderReads reads);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "uncommittedBytes")]
    public static extern ref long UncommittedBytesOf(Proposals proposals);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "applying")]
    public static extern ref ApplyBudget ApplyBudgetOf(RaftCore core);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "writes")]
    public static extern ref List<WritesUnderWay.Write> ListOf(WritesUnderWay writes);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "entries")]
    public static extern ref List<LogEntry> ListOf(ConfigurationTrail trail);

    public static LeaderRole? LeaderOf(RaftCore core) => MemberOf(core).Role as LeaderRole;

    public static RaftLog LogOf(RaftCore core) => MemberOf(core).Log;
}
