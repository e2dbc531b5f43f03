using Exapyte.Keyspaces;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// What one entry of a Raft log says. The leader stamps it, with a time that never decreases; whoever applies it judges by that
/// stamp alone, so that replicas never differ. The kinds below are all there are: each has a case in
/// <see cref="ShardCommandCodec"/> and one in <see cref="ShardStateMachine"/>.
/// </summary>
internal abstract class ShardCommand
{
    private protected ShardCommand() { }

    /// <summary>The leader's time, Unix milliseconds.</summary>
    public required long StampMs { get; init; }
}

/// <summary>Writes that apply together.</summary>
internal sealed class WriteCommand : ShardCommand
{
    /// <summary><see cref="ChangeRetentionMs"/> in commands of versions that kept no changes.</summary>
    public const long KeepsNoChanges = -1;

    /// <summary>All or none.</summary>
    public required bool Atomic { get; init; }

    /// <summary>For how long request ids are remembered, in milliseconds before the stamp.</summary>
    public required long RequestIdWindowMs { get; init; }

    /// <summary>For how long changes are kept, in milliseconds before the stamp; 0: none are.</summary>
    public long ChangeRetentionMs { get; init; } = KeepsNoChanges;

    /// <summary>
    /// The shard's generation as of when the leader proposed it; 0: it had none. An atomic command is refused as a whole where
    /// it is another by then, for whoever planned it looked at other bounds.
    /// </summary>
    public ulong Generation { get; init; }

    public required CommandWrite[] Writes { get; init; }

    /// <summary>
    /// What the shard may hold once a put is done; null: as much as it likes, and nobody counts. The leader takes it from the
    /// keyspace's quota and what the other shards hold, so that each replica judges by the same.
    /// </summary>
    public Usage? Limits { get; init; }
}

/// <summary>Changes nothing, and marks the place in the log whose state all members compare.</summary>
internal sealed class ScrubCommand : ShardCommand
{
    /// <summary>Tells this scrub of the shard from any other.</summary>
    public required ulong ScrubId { get; init; }
}

/// <summary>Says what time it is: entries that have ended by then are absent from here on, for every replica alike.</summary>
internal sealed class ClockCommand : ShardCommand;

/// <summary>Removes entries that have ended at its stamp; one that was written anew since stays.</summary>
internal sealed class SweepCommand : ShardCommand
{
    /// <summary>See <see cref="WriteCommand.ChangeRetentionMs"/>.</summary>
    public required long ChangeRetentionMs { get; init; }

    /// <summary>Keys that the leader found to have ended.</summary>
    public required ReadOnlyMemory<byte>[] Keys { get; init; }
}

/// <summary>Says which keys are the shard's, where its state does not say so yet.</summary>
internal sealed class OwnershipCommand : ShardCommand
{
    public required ShardOwnership Ownership { get; init; }
}

/// <summary>Says which indexes the shard is to have: what is not among them goes, what is new is built.</summary>
internal sealed class IndexesCommand : ShardCommand
{
    /// <summary>The epoch of the map that says so: one of an older map than before changes nothing.</summary>
    public required long MapEpoch { get; init; }

    public required KeyspaceIndex[] Indexes { get; init; }
}

/// <summary>A step on the way of an index: into it, or out. Passed over where the shard has taken it already.</summary>
internal sealed class IndexStepCommand : ShardCommand
{
    /// <summary>Which index.</summary>
    public required ulong Generation { get; init; }

    /// <summary>Of one that is built: the key behind which the step begins.</summary>
    public ReadOnlyMemory<byte> After { get; init; }

    /// <summary>Entries, or rows, at most.</summary>
    public required int EntriesMax { get; init; }

    /// <summary>Bytes of values behind which it ends.</summary>
    public required int BytesMax { get; init; }
}
