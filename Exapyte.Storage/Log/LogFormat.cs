namespace Exapyte.Storage.Log;

/// <summary>
/// Bytes of a node's log, version 1. All integers are little-endian, all checksums CRC32C (Castagnoli).
/// <code>
/// folder    segment-0000000001.log ...   numbers are contiguous; the highest is written to
///           spare-0000000001.log ...     released or prepared files without content that counts
///
/// segment   [header 4096][header copy 4096][batch][batch]...        batches start at multiples of 512
///
/// header    0  8  magic "EXAPYTEL"                    batch   0  4  magic "EXBT"
///           8  4  checksum of 12..72                          4  4  checksum of 8..32
///          12  4  format version                              8  4  body bytes
///          16  8  log id (random, one a log)                 12  4  checksum of the body
///          24  8  segment number                             16  8  sequence number
///          32  8  segment bytes                              24  4  records
///          40  8  sequence of the first batch                28  4  zero
///          48  8  previous segment, 0 for none               32     body: records, not aligned
///          56  8  where the previous segment ends
///          64  8  zero                                record  0  4  checksum of 4..44
///                                                             4  4  checksum of the payload
///                                                             8  4  payload bytes
///                                                            12  4  ordinal of the record within its group
///                                                            16  8  group
///                                                            24  8  term
///                                                            32  8  index
///                                                            40  1  kind (RecordKind)
///                                                            41  1  entry kind (the owner's)
///                                                            42  2  zero
///                                                            44     payload
/// </code>
/// Checksums of a segment's header start from the segment number; those of batches and records from log id and segment
/// number, so that bytes left over from an earlier life of a recycled file can never verify (a CRC is a bijection of its
/// starting state, and the starting states of two segments differ).
/// <para>
/// Order of writing: a batch is written, synced, and only then the next one is begun. Hence a valid later batch (in the
/// same or a later segment) proves that all earlier ones were durable. What does not verify is a torn tail if no valid
/// batch follows it, and corruption otherwise. A batch counts whole or not at all.
/// </para>
/// <para>
/// A log at rest is sealed: a batch without records, not synced, stands behind the last one and so proves it. It is
/// nothing that anybody waits for: the next batch takes its place and its sequence number.
/// </para>
/// <para>
/// A segment is begun by writing its header into a spare, syncing, renaming, syncing the folder. Its first batch starts
/// with a checkpoint: the node's clock, then one record for every group that restates all about it but its entries. So an
/// older segment matters for entries only, and is released, oldest first, once none of its entries is live. The header
/// says where the previous segment ends: what stands behind that (a torn tail) is nothing.
/// </para>
/// <para>
/// The ordinal counts a group's records from 1; a checkpoint repeats the last. A gap tells that records of that group were
/// lost, whatever hides them.
/// </para>
/// </summary>
static class LogFormat
{
    public const uint Version = 1;
    public const int BlockBytes = 4096;
    public const int SectorBytes = 512;
    public const int HeaderBytes = 72;
    public const int DataOffset = 2 * BlockBytes;
    public const int BatchHeaderBytes = 32;
    public const int RecordHeaderBytes = 44;

    const string SegmentPrefix = "segment-";
    const string SparePrefix = "spare-";
    const string Suffix = ".log";

    public static string SegmentName(uint number) => $"{SegmentPrefix}{number:D10}{Suffix}";

    public static string SpareName(uint number) => $"{SparePrefix}{number:D10}{Suffix}";

    public static uint? SegmentNumber(string name) => Number(name, SegmentPrefix);

    public static uint? SpareNumber(string name) => Number(name, SparePrefix);

    public static long AlignUp(long offset) => (offset + SectorBytes - 1) & ~(long)(SectorBytes - 1);

    public static int RecordBytes(int payloadBytes) => RecordHeaderBytes + payloadBytes;

    static uint? Number(string name, string prefix) =>
        name.StartsWith(prefix, StringComparison.Ordinal)
        && name.EndsWith(Suffix, StringComparison.Ordinal)
        && uint.TryParse(name.AsSpan(prefix.Length..^Suffix.Length), out var number)
        && number > 0
            ? number
            : null;
}

/// <summary>What a record says.</summary>
enum RecordKind : byte
{
    /// <summary>Zeros are no record.</summary>
    None = 0,

    /// <summary>An entry; it truncates what stands at or behind its index.</summary>
    Entry = 1,

    /// <summary>A live entry copied out of an old segment; never truncates.</summary>
    RewrittenEntry = 2,

    /// <summary>Term, commit (as index) and vote (payload).</summary>
    State = 3,

    /// <summary>Creates the group or replaces its description.</summary>
    Descriptor = 4,

    /// <summary>Entries through the index are forgotten; the term is that of the index.</summary>
    Compacted = 5,

    /// <summary>The log starts behind index and term; payload: prefix, configuration.</summary>
    SnapshotInstalled = 6,

    /// <summary>The replica is gone; its store data may not be.</summary>
    ReplicaDestroyed = 7,

    /// <summary>The replica's store data is gone as well.</summary>
    DestroyedForgotten = 8,

    /// <summary>Node-wide: the index is the clock's high-water mark.</summary>
    ClockHighWater = 9,

    /// <summary>Node-wide: a checkpoint follows, the clock and one record a group; index: number of groups. Others are gone.</summary>
    CheckpointStart = 10,

    /// <summary>All about a group but its entries.</summary>
    GroupCheckpoint = 11,
}
