using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>
/// The digest of a shard's state: XXH3 (128 bits) over all rows of metadata and all entries that are live at one time, in
/// the order of their keys. What has expired counts for nothing, for each member sweeps it when it comes to it.
/// </summary>
/// <remarks>Against accident, not against malice: the hash has no key. Used by one thread at a time.</remarks>
internal sealed class StateDigest(IStateScan rows, long liveAtMs)
{
    private const byte MetaRow = 0;
    private const byte EntryRow = 1;
    private const int HeadBytes = 1 + sizeof(int) + (2 * sizeof(ulong)) + (2 * sizeof(long)) + 1;

    private readonly XxHash128 hash = new();

    /// <summary>Rows read so far.</summary>
    public long Rows { get; private set; }

    /// <summary>The digest, once <see cref="Read"/> has answered false.</summary>
    public UInt128 Value => hash.GetCurrentHashAsUInt128();

    /// <summary>Reads on until so many bytes are read; false once all is read.</summary>
    /// <param name="bytesMax">When to stop.</param>
    /// <param name="read">Bytes read.</param>
    /// <exception cref="StoreDamagedException">A row cannot be read, or does not verify.</exception>
    public bool Read(long bytesMax, out long read)
    {
        read = 0;
        while (read < bytesMax)
        {
            if (!rows.MoveNext())
            {
                return false;
            }
            Rows++;
            read += rows.Key.Length + (rows.IsMeta ? AddMeta() : AddEntry());
        }
        return true;
    }

    private int AddMeta()
    {
        var value = rows.Meta.Span;
        Span<byte> head = stackalloc byte[1 + sizeof(int)];
        head[0] = MetaRow;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], rows.Key.Length);
        hash.Append(head);
        hash.Append(rows.Key);
        AddBytes(value);
        return value.Length;
    }

    private int AddEntry()
    {
        var entry = rows.Entry;
        if (!entry.IsLive(liveAtMs))
        {
            return entry.Value.Length;
        }
        Span<byte> head = stackalloc byte[HeadBytes];
        head[0] = EntryRow;
        BinaryPrimitives.WriteInt32LittleEndian(head[1..], rows.Key.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(head[5..], entry.Version.Revision);
        BinaryPrimitives.WriteUInt64LittleEndian(head[13..], entry.Version.Origin);
        BinaryPrimitives.WriteInt64LittleEndian(head[21..], entry.ModifiedMs);
        BinaryPrimitives.WriteInt64LittleEndian(head[29..], entry.ExpiresMs);
        head[37] = (byte)entry.Flags;
        hash.Append(head);
        hash.Append(rows.Key);
        AddBytes(Encoding.UTF8.GetBytes(entry.ContentType ?? ""));
        AddBytes(entry.Value.Span);
        return entry.Value.Length;
    }

    private void AddBytes(ReadOnlySpan<byte> bytes)
    {
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.Append(length);
        hash.Append(bytes);
    }
}
