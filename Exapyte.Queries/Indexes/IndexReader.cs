using System.Buffers;
using Exapyte.Queries.Documents;

namespace Exapyte.Queries.Indexes;

/// <summary>
/// Reads out of documents what an index holds of them. A document is in an index where the first path leads to null, a bool, a
/// number or a string; what the other paths lead to is in the row, be it nothing. Used by one thread at a time.
/// </summary>
public sealed class IndexReader
{
    private readonly DocumentWalk walk;
    private readonly int[] slots;
    private readonly ArrayBufferWriter<byte> buffer = new();

    /// <summary>A reader for an index over these paths, in their order.</summary>
    public IndexReader(IReadOnlyList<IndexPath> paths)
    {
        ArgumentNullException.ThrowIfNull(paths);
        PathTree tree = new();
        slots =
        [
            .. paths.Select(path =>
                tree.SlotOf(path.Names.Aggregate(tree.Root, static (node, name) => node.Member(name)))
            ),
        ];
        walk = new(tree);
    }

    /// <summary>
    /// What stands in a document's row before its key; false where the document is not in the index. The bytes are good until the
    /// next call.
    /// </summary>
    /// <param name="document">The entry's value; what is no JSON is in no index.</param>
    /// <param name="values">The values, encoded in an order that bytes keep.</param>
    public bool TryRead(ReadOnlyMemory<byte> document, out ReadOnlySpan<byte> values)
    {
        values = default;
        walk.Run(document);
        if (!IndexKeyCodec.IsIndexed(walk.ValueAt(slots[0])))
        {
            return false;
        }
        buffer.ResetWrittenCount();
        foreach (var slot in slots)
        {
            IndexKeyCodec.Write(buffer, walk.ValueAt(slot));
        }
        values = buffer.WrittenSpan;
        return true;
    }

    /// <summary>How many bytes the values take at the beginning of a row, behind which the key stands; -1 where it is none.</summary>
    /// <param name="row">A row of this index.</param>
    public int ValueBytesOf(ReadOnlySpan<byte> row)
    {
        var taken = 0;
        foreach (var _ in slots)
        {
            var length = IndexKeyCodec.LengthAt(row[taken..]);
            if (length < 0)
            {
                return -1;
            }
            taken += length;
        }
        return taken;
    }
}
