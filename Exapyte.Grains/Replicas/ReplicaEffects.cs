using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>What a <see cref="ReplicaLoop"/> asks for after its inputs, in the order in which it must be done.</summary>
internal sealed class ReplicaEffects
{
    /// <summary>First: hand these to the log, in order; say <see cref="ReplicaLoop.Persisted"/> when each is durable.</summary>
    public List<LogWrite> Writes { get; } = [];

    /// <summary>Then: send these. What promises durability is not among them before it is durable.</summary>
    public List<RaftMessage> Messages { get; } = [];

    /// <summary>Members that lag behind the compacted log.</summary>
    public List<SnapshotRequest> Snapshots { get; } = [];

    /// <summary>States to be compared. Whoever takes one out of the list disposes it.</summary>
    public List<Scrubs.ScrubPin> Scrubs { get; } = [];

    /// <summary>Role, leader or term changed.</summary>
    public bool LeadershipChanged { get; set; }

    /// <summary>The group is at rest: tell the followers (<see cref="RestNotice"/>).</summary>
    public bool FallsAsleep { get; set; }

    public void Clear()
    {
        Writes.Clear();
        Messages.Clear();
        Snapshots.Clear();
        Scrubs.ForEach(static pin => pin.Dispose());
        Scrubs.Clear();
        LeadershipChanged = false;
        FallsAsleep = false;
    }
}
