using System.Runtime.CompilerServices;
using Exapyte.Raft;

namespace Exapyte.Simulation.Invariants;

/// <summary>A look into the core that its public face does not give: its log as it stands in memory.</summary>
internal static class CoreDoor
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "member")]
    public static extern ref Member MemberOf(RaftCore core);

    public static RaftLog LogOf(RaftCore core) => MemberOf(core).Log;
}
