using Exapyte.Operations;

namespace Exapyte.Client.Lanes;

/// <summary>
/// Items of one kind that wait for a replica: all reads or all writes, all of one level. Items of several levels have a
/// queue of their own, and each of them travels alone. Touched under the lane's lock only.
/// </summary>
internal sealed class LaneQueue(bool isWrite, ConsistencyLevel? level)
{
    /// <summary>What waits, in the order in which it came.</summary>
    public Queue<PendingOperation> Items { get; } = [];

    /// <summary>Batches of it that are on their way.</summary>
    public int Inflight { get; set; }

    /// <summary>Whether the item is of its kind.</summary>
    public bool IsFor(PendingOperation item) => item.IsWrite == isWrite && item.Level == level;
}
