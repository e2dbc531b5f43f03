namespace Exapyte.Storage.Log;

/// <summary>What opening a log found.</summary>
/// <param name="Groups">Replicas this node hosts, by id.</param>
/// <param name="Destroyed">Replicas destroyed whose store data may still have to be deleted, by id.</param>
/// <param name="ClockHighWater">Highest stamp given to <c>SetClockHighWater</c>, 0 if none.</param>
/// <param name="Damage">Corruption, in the order of the log. Nothing of it was skipped silently.</param>
/// <param name="Tail">A batch that a crash cut short, if one was seen; it was never acknowledged.</param>
/// <param name="ClockInDoubt">
/// Damage may hide a higher clock mark than <paramref name="ClockHighWater"/>: stamp nothing before time is safely past.
/// </param>
public sealed record NodeLogRecovery(
    IReadOnlyList<RecoveredGroup> Groups,
    IReadOnlyList<GroupId> Destroyed,
    long ClockHighWater,
    IReadOnlyList<LogDamage> Damage,
    TornTail? Tail,
    bool ClockInDoubt = false
);

/// <summary>A hosted replica as the log knows it.</summary>
public sealed record RecoveredGroup
{
    /// <summary>The replica.</summary>
    public required GroupId Id { get; init; }

    /// <summary>What its owner stored about it.</summary>
    public required ReadOnlyMemory<byte> Descriptor { get; init; }

    /// <summary>Term, vote and commit; zeros if never set.</summary>
    public required GroupState State { get; init; }

    /// <summary>First index present, one behind the compacted prefix.</summary>
    public required ulong FirstIndex { get; init; }

    /// <summary>Last index present, <see cref="FirstIndex"/> - 1 if there is none.</summary>
    public required ulong LastIndex { get; init; }

    /// <summary>Term of the last compacted entry.</summary>
    public required ulong CompactedTerm { get; init; }

    /// <summary>The last snapshot installed, if any.</summary>
    public SnapshotRecord? Snapshot { get; init; }

    /// <summary>Why the replica must be replaced; null if it is whole. Its entries cannot be read.</summary>
    public string? Quarantined { get; init; }
}

/// <summary>Bytes that do not verify although they once were durable.</summary>
/// <param name="File">Name of the segment file.</param>
/// <param name="Offset">Where the damage begins.</param>
/// <param name="Bytes">Its extent as far as is known.</param>
/// <param name="Reason">One line for a human.</param>
/// <param name="Group">The replica whose record it is, if that can be read; otherwise any may be concerned.</param>
public sealed record LogDamage(string File, long Offset, long Bytes, string Reason, GroupId? Group = null);

/// <summary>A batch that was being written when the node stopped; cut off.</summary>
/// <param name="File">Name of the segment file.</param>
/// <param name="Offset">Where the batch began.</param>
/// <param name="Bytes">Length that it should have had.</param>
public sealed record TornTail(string File, long Offset, long Bytes);

/// <summary>The log cannot be opened; the message says why and what to do.</summary>
public sealed class NodeLogException(string message) : Exception(message);
