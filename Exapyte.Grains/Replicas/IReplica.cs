using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas;

/// <summary>What a replica says to a batch, and of that.</summary>
/// <param name="Outcomes">One outcome an operation.</param>
/// <param name="StalenessMs">See <see cref="BatchReply.StalenessMs"/>.</param>
/// <param name="Revision">See <see cref="BatchReply.Revision"/>.</param>
internal readonly record struct ReplicaAnswer(OperationOutcome[] Outcomes, long StalenessMs, ulong Revision)
{
    /// <summary>See <see cref="BatchReply.ReadAfter"/>.</summary>
    public ulong ReadAfter { get; init; }

    /// <summary>An answer of whose age nothing is known.</summary>
    public static ReplicaAnswer Of(OperationOutcome[] outcomes) => new(outcomes, StalenessMs: -1, Revision: 0);
}

/// <summary>A replica that a node hosts. Thread-safe.</summary>
internal interface IReplica
{
    /// <summary>Who it is.</summary>
    ReplicaIdentity Identity { get; }

    /// <summary>Where its entries are in the node's store.</summary>
    ulong StorePrefix { get; }

    /// <summary>All that it has in the node's store: its entries, and a snapshot that is being received.</summary>
    IReadOnlyList<ulong> Prefixes => [StorePrefix];

    /// <summary>
    /// Why it cannot serve yet since it was started; null once it can, or once it is known that this is not up to its node.
    /// </summary>
    string? WaitsFor => null;

    /// <summary>Whether it leads its group.</summary>
    bool Leads => false;

    /// <summary>Runs a batch.</summary>
    ValueTask<ReplicaAnswer> Execute(OperationBatch batch);

    /// <summary>Reads a page.</summary>
    ValueTask<ScanReply> Scan(ScanRequest request);

    /// <summary>Reads changes, or waits for them.</summary>
    ValueTask<ChangesReply> ReadChanges(ChangesRequest request);

    /// <summary>How it stands.</summary>
    ReplicaStatus Status();

    /// <summary>How much it holds; null where it does not count.</summary>
    ShardUse? Use { get; }

    /// <summary>About how many bytes its state takes, where it is stored.</summary>
    long StoredBytes { get; }

    /// <summary>A tick of the node's clock.</summary>
    void Tick();

    /// <summary>A message of another replica; false where its queue is full.</summary>
    bool Deliver(PeerMessage message);

    /// <summary>Serves by this map from now on; an older one than it has is passed over.</summary>
    /// <param name="map">The map that places it.</param>
    /// <param name="confirmed">The control plane itself said that the replica still exists: only then may it lead.</param>
    void UseMap(KeyspaceMap map, bool confirmed);

    /// <summary>Gives leadership away, if it has it and another can take it; waits a little for that.</summary>
    ValueTask HandOver();

    /// <summary>Lets the log forget what the store has safely.</summary>
    void Compact();

    /// <summary>Removes what has expired, a bounded amount.</summary>
    void Sweep();

    /// <summary>Stops it; callers that wait are told. What it wrote stays.</summary>
    ValueTask Stop();
}
