using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What a <see cref="RaftReplicaCore"/> is made of.</summary>
internal sealed record RaftReplicaParts
{
    /// <summary>Whose replica it is.</summary>
    public required ReplicaIdentity Identity { get; init; }

    /// <summary>The consensus core.</summary>
    public required RaftCore Core { get; init; }

    /// <summary>The replicated state.</summary>
    public required ShardStateMachine Machine { get; init; }

    /// <summary>Where the state is in the node's store.</summary>
    public required ulong StorePrefix { get; init; }

    /// <summary>The replica's part of the log.</summary>
    public required GroupLog Log { get; init; }

    /// <summary>Its way into the log.</summary>
    public required ReplicaLogWriter Writer { get; init; }

    /// <summary>Takes the parts of snapshots.</summary>
    public required SnapshotReceiver Receiver { get; init; }

    /// <summary>Knows who can be reached.</summary>
    public required IReplicaWire Wire { get; init; }

    /// <summary>Ticks and bounds.</summary>
    public required ReplicaOptions Options { get; init; }

    /// <summary>A number that no other life of the replica has.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Opens the state as it is now, to be sent to another member; null where it cannot be.</summary>
    /// <param name="machine">The state.</param>
    /// <param name="number">The number of the sending in this life of the replica.</param>
    public SnapshotSource? OpenSnapshot(ShardStateMachine machine, ulong number) =>
        Log.TermAt(machine.Applied.Value) is { } term
            ? new(machine, (long)(Seed + number), new(term), Core.Configuration, Options.SnapshotPartBytes)
            : null;
}
