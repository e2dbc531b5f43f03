using System.Buffers.Binary;
using Exapyte.Storage.Node;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Issues prefixes in the node's store. A prefix is never issued twice, so that what a retired replica left behind can
/// never show through in another: blocks of them are reserved durably before the first of a block is used. Thread-safe.
/// </summary>
internal sealed class StorePrefixes(DataFolder folder)
{
    private const string Document = "store-prefixes";
    private const ulong BlockSize = 1_024;

    private readonly Lock gate = new();
    private ulong next;
    private ulong reserved;

    /// <summary>The next prefix.</summary>
    public ulong Issue()
    {
        lock (gate)
        {
            if (next == reserved)
            {
                var first = folder.ReadDocument(Document) is { } bytes
                    ? BinaryPrimitives.ReadUInt64LittleEndian(bytes)
                    : 1;
                Span<byte> mark = stackalloc byte[sizeof(ulong)];
                BinaryPrimitives.WriteUInt64LittleEndian(mark, first + BlockSize);
                folder.WriteDocument(Document, mark);
                // Only now: what is not reserved durably may be issued again after a restart.
                (next, reserved) = (first, first + BlockSize);
            }
            return next++;
        }
    }
}
