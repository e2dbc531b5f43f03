namespace Exapyte.Storage.Log;

/// <summary>Names one replica's log within a node's log. Ids are issued once and never reused; 0 is the node itself.</summary>
public readonly record struct GroupId(ulong Value)
{
    /// <summary>Records that belong to the node and to no replica.</summary>
    internal static GroupId Node => default;

    /// <inheritdoc/>
    public override string ToString() => Value.ToString();
}

/// <summary>What a replica must never forget beside its entries.</summary>
/// <param name="Term">Highest term seen.</param>
/// <param name="Vote">Member voted for in that term, 0 for none.</param>
/// <param name="Commit">Highest index known to be committed.</param>
public readonly record struct GroupState(ulong Term, ulong Vote, ulong Commit);

/// <summary>One entry of a replica's log.</summary>
/// <param name="Term">Term in which it was proposed.</param>
/// <param name="Index">Its place; entries of a group are contiguous.</param>
/// <param name="Kind">Free for the owner.</param>
/// <param name="Payload">The bytes; must not change between <c>Append</c> and its completion.</param>
public readonly record struct LogRecordEntry(ulong Term, ulong Index, byte Kind, ReadOnlyMemory<byte> Payload);

/// <summary>A state-store snapshot behind which a replica's log starts.</summary>
/// <param name="Prefix">Store prefix under which it was installed.</param>
/// <param name="Index">Last index that it contains.</param>
/// <param name="Term">Term of that index.</param>
/// <param name="Configuration">The owner's opaque membership at that index.</param>
public sealed record SnapshotRecord(ulong Prefix, ulong Index, ulong Term, ReadOnlyMemory<byte> Configuration);

/// <summary>How an operation on the log ended.</summary>
public enum LogAppendStatus
{
    /// <summary>Durable.</summary>
    Ok,

    /// <summary>No space left. Nothing of it is durable; later operations succeed once space returns.</summary>
    DiskFull,

    /// <summary>The disk failed. Whether it is durable is unknown, and the log acknowledges nothing any more.</summary>
    IoError,

    /// <summary>The queue is full; nothing was written.</summary>
    Overloaded,

    /// <summary>The group has no descriptor on this node (never created, or destroyed and forgotten).</summary>
    UnknownGroup,

    /// <summary>The group was destroyed on this node.</summary>
    Destroyed,

    /// <summary>The group lost records to corruption and must be replaced.</summary>
    Quarantined,

    /// <summary>The operation breaks a rule of the log (a gap, an entry behind the compacted prefix, ...).</summary>
    Invalid,

    /// <summary>Larger than a limit of <see cref="NodeLogOptions"/>.</summary>
    TooLarge,

    /// <summary>The log is closed.</summary>
    Closed,
}

/// <summary>Outcome of one operation on the log.</summary>
/// <param name="Status">How it ended.</param>
/// <param name="Reason">One line for a human unless it is <see cref="LogAppendStatus.Ok"/>.</param>
public readonly record struct LogAppendResult(LogAppendStatus Status, string? Reason = null)
{
    /// <summary>Durable.</summary>
    public static LogAppendResult Ok => default;

    /// <summary>Whether what was asked is durable.</summary>
    public bool IsOk => Status == LogAppendStatus.Ok;
}

/// <summary>
/// Told once how an operation ended, on the writer thread, in the order of submission (<see cref="LogAppendStatus.Overloaded"/>
/// and <see cref="LogAppendStatus.Closed"/> come on the caller's thread). Must be cheap and must not throw.
/// </summary>
public interface ILogCompletion
{
    /// <summary>The operation ended.</summary>
    void Complete(LogAppendResult result);
}

/// <summary>Whether the log can make anything durable.</summary>
public enum LogCondition
{
    /// <summary>It can.</summary>
    Ok,

    /// <summary>Not until space returns; reads go on.</summary>
    DiskFull,

    /// <summary>Never again in this process; reads go on.</summary>
    Failed,
}

/// <summary>Health of the log.</summary>
/// <param name="Condition">Whether it can make anything durable.</param>
/// <param name="Reason">One line for a human unless it is <see cref="LogCondition.Ok"/>.</param>
public sealed record LogHealth(LogCondition Condition, string? Reason = null)
{
    /// <summary>All is well.</summary>
    public static LogHealth Ok { get; } = new(LogCondition.Ok);
}

/// <summary>Counters since the log was opened, and sizes now.</summary>
public readonly record struct NodeLogStatistics
{
    /// <summary>Segments that hold live data, and the one written to.</summary>
    public int Segments { get; init; }

    /// <summary>Files ready to become segments.</summary>
    public int SpareSegments { get; init; }

    /// <summary>Bytes of live entries, headers included.</summary>
    public long LiveBytes { get; init; }

    /// <summary>Replicas hosted.</summary>
    public int Groups { get; init; }

    /// <summary>Batches made durable.</summary>
    public long Batches { get; init; }

    /// <summary>Calls that waited for the device, batches and preparations alike.</summary>
    public long Syncs { get; init; }

    /// <summary>Entries made durable.</summary>
    public long Entries { get; init; }

    /// <summary>Entries copied forward out of old segments.</summary>
    public long EntriesRewritten { get; init; }

    /// <summary>Bytes of batches written, padding included.</summary>
    public long BytesWritten { get; init; }

    /// <summary>Bytes of zeros written to prepare segments.</summary>
    public long BytesFilled { get; init; }

    /// <summary>Segments released.</summary>
    public long SegmentsReleased { get; init; }

    /// <summary>Entries read from memory.</summary>
    public long CacheHits { get; init; }

    /// <summary>Entries read from segments.</summary>
    public long CacheMisses { get; init; }

    /// <summary>Operations that wait in the queue now.</summary>
    public int Queued { get; init; }
}
