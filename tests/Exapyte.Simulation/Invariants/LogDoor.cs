using System.Runtime.CompilerServices;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>A look, and a hand, into a node's log.</summary>
internal static class LogDoor
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_core")]
    public static extern ref NodeLogCore CoreOf(SteppedNodeLog log);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_index")]
    public static extern ref Storage.Log.LogIndex IndexOf(NodeLogCore core);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_files")]
    public static extern ref SegmentFiles FilesOf(NodeLogCore core);
}
