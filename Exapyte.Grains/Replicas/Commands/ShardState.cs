using Exapyte.Grains.Fields;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>What a shard's replicated state is at, row <c>s</c>: written with every entry of the log that is applied.</summary>
/// <param name="Revision">How many changes it has had.</param>
/// <param name="StampMs">The greatest stamp applied, Unix milliseconds.</param>
/// <param name="Term">The term of the entry applied last; 0 as of a version that did not write it.</param>
/// <param name="ChangesAfter">All changes with a greater revision are kept, and no others count.</param>
/// <param name="ChangeBytes">Bytes that the rows of changes take, those that do not count any more included.</param>
internal readonly record struct ShardState(
    ulong Revision,
    long StampMs,
    Term Term,
    ulong ChangesAfter,
    long ChangeBytes
)
{
    /// <summary>Bytes of the row.</summary>
    public const int RowBytes = 1 + (5 * sizeof(long));

    private const byte Format = 2;

    /// <summary>Format 1 had no format byte: revision and stamp.</summary>
    private const int OldRowBytes = sizeof(ulong) + sizeof(long);

    public void Encode(Span<byte> row)
    {
        var writer = new SpanWriter(row);
        writer.Byte(Format);
        writer.UInt64(Revision);
        writer.Int64(StampMs);
        writer.UInt64(Term.Value);
        writer.UInt64(ChangesAfter);
        writer.Int64(ChangeBytes);
    }

    /// <summary>Reads a row of this format or the one before; null where it is neither.</summary>
    public static ShardState? Decode(ReadOnlyMemory<byte> row)
    {
        var reader = new SpanReader(row);
        if (row.Length == OldRowBytes)
        {
            var revision = reader.UInt64();
            // Of what happened until then no changes were kept.
            return new(revision, reader.Int64(), default, ChangesAfter: revision, ChangeBytes: 0);
        }
        var format = reader.Byte();
        var state = new ShardState(
            reader.UInt64(),
            reader.Int64(),
            new(reader.UInt64()),
            reader.UInt64(),
            reader.Int64()
        );
        return format == Format && reader.AtEnd ? state : null;
    }
}
