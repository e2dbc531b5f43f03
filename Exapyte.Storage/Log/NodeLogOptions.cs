namespace Exapyte.Storage.Log;

/// <summary>Limits of a node's log. Sizes are bytes.</summary>
public sealed record NodeLogOptions
{
    /// <summary>Size of a segment; at least 128 KiB, at most 1 GiB.</summary>
    public int SegmentBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Zeros written and synced at a time ahead of the write position. Overwriting allocated blocks makes a sync about
    /// a third cheaper than growing the file.
    /// </summary>
    public int FillStepBytes { get; init; } = 4 << 20;

    /// <summary>Appends gathered into one batch, at most a quarter of a segment.</summary>
    public int BatchBytesMax { get; init; } = 4 << 20;

    /// <summary>One append with all its entries, at most half a segment.</summary>
    public int AppendBytesMax { get; init; } = 16 << 20;

    /// <summary>One descriptor, or one snapshot configuration.</summary>
    public int DescriptorBytesMax { get; init; } = 64 << 10;

    /// <summary>Operations that may wait.</summary>
    public int QueuedOperationsMax { get; init; } = 65_536;

    /// <summary>Bytes of operations that may wait.</summary>
    public long QueuedBytesMax { get; init; } = 64 << 20;

    /// <summary>Memory that holds the newest part of the log for readers; 0 for none.</summary>
    public int CacheBytes { get; init; } = 64 << 20;

    /// <summary>
    /// Space on the disk that the log leaves to others: without any the node could not keep its documents, nor open its
    /// store again.
    /// </summary>
    public long DiskBytesLeft { get; init; } = 32 << 20;

    /// <summary>Released segments kept for reuse; more are deleted.</summary>
    public int SpareSegmentsMax { get; init; } = 2;

    /// <summary>Segments from which on a quiet group that pins the oldest has its entries copied forward.</summary>
    public int RewriteSegmentsMin { get; init; } = 4;

    /// <summary>Bytes copied forward with one batch, at most a sixteenth of a segment.</summary>
    public int RewriteBatchBytesMax { get; init; } = 256 << 10;

    /// <summary>How long operations that need no sync of their own wait for one to ride along with.</summary>
    public TimeSpan DeferredDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>
    /// Kept free in the active segment for compactions and removals, which must get through when the disk is full since
    /// they are what gives space back.
    /// </summary>
    internal int ReserveBytes => Math.Min(64 << 10, SegmentBytes / 16);

    internal int CheckpointBytesMax => SegmentBytes / 4;

    /// <summary>Whether one more operation may wait behind so many of so many bytes.</summary>
    internal LogAppendResult Admit(int queued, long queuedBytes, long bytes) =>
        queued >= QueuedOperationsMax || queuedBytes + bytes > QueuedBytesMax
            ? new(LogAppendStatus.Overloaded, $"{queued} operations of {queuedBytes} bytes wait already")
            : LogAppendResult.Ok;

    /// <summary>Throws <see cref="InvalidOperationException"/> with every relation that does not hold.</summary>
    public void Validate()
    {
        List<string> wrong = [];
        void Require(bool holds, string rule)
        {
            if (!holds)
                wrong.Add(rule);
        }

        Require(SegmentBytes is >= 128 << 10 and <= 1 << 30, "SegmentBytes must be 128 KiB to 1 GiB");
        Require(SegmentBytes % LogFormat.BlockBytes == 0, "SegmentBytes must be a multiple of 4096");
        Require(FillStepBytes is >= LogFormat.DataOffset and <= 1 << 30, "FillStepBytes must be 8 KiB to 1 GiB");
        Require(
            BatchBytesMax >= 4096 && BatchBytesMax <= SegmentBytes / 4,
            "BatchBytesMax must be 4 KiB to SegmentBytes/4"
        );
        Require(
            AppendBytesMax >= BatchBytesMax / 4 && AppendBytesMax <= SegmentBytes / 2,
            "AppendBytesMax must be BatchBytesMax/4 to SegmentBytes/2"
        );
        Require(
            DescriptorBytesMax >= 0 && DescriptorBytesMax <= CheckpointBytesMax / 4,
            "DescriptorBytesMax must be at most SegmentBytes/16"
        );
        Require(QueuedOperationsMax > 0, "QueuedOperationsMax must be positive");
        Require(QueuedBytesMax >= AppendBytesMax, "QueuedBytesMax must be at least AppendBytesMax");
        Require(CacheBytes is >= 0 and <= 1 << 30, "CacheBytes must be 0 to 1 GiB");
        Require(DiskBytesLeft >= 0, "DiskBytesLeft must not be negative");
        Require(SpareSegmentsMax is >= 0 and <= 1024, "SpareSegmentsMax must be 0 to 1024");
        Require(RewriteSegmentsMin >= 2, "RewriteSegmentsMin must be at least 2");
        Require(
            RewriteBatchBytesMax >= 0 && RewriteBatchBytesMax <= SegmentBytes / 16,
            "RewriteBatchBytesMax must be at most SegmentBytes/16"
        );
        Require(DeferredDelay >= TimeSpan.Zero, "DeferredDelay must not be negative");
        if (wrong.Count > 0)
            throw new InvalidOperationException($"NodeLogOptions: {string.Join("; ", wrong)}");
    }
}
