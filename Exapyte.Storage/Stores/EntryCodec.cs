using System.Buffers.Binary;
using System.Text;

namespace Exapyte.Storage.Stores;

/// <summary>
/// How an entry lies on disk. The format is fixed by golden vectors in the tests; a change is a new format byte.
/// <code>
/// format      1 byte    0x01
/// checksum    4 bytes   CRC32C, little-endian, over format, key and all that follows it
/// flags       1 byte    EntryFlags
/// fields      1 byte    which optional fields follow: 1 origin, 2 expiry, 4 content type
/// revision    varint
/// modified    varint    milliseconds, zigzag
/// origin      8 bytes   little-endian, optional
/// expires     varint    milliseconds after modified, zigzag, optional
/// type        varint length, UTF-8; optional
/// value       the rest
/// </code>
/// The checksum covers the key, so a row that ended up under another key does not pass for it.
/// </summary>
internal static class EntryCodec
{
    const byte Format = 1;
    const int ChecksumAt = 1;
    const int BodyAt = 5;
    const byte HasOrigin = 1;
    const byte HasExpiry = 2;
    const byte HasContentType = 4;
    const byte KnownFields = HasOrigin | HasExpiry | HasContentType;

    /// <summary>How many bytes <see cref="Write"/> takes for this entry.</summary>
    public static int Length(in StoredEntry entry)
    {
        byte fields = FieldsOf(entry);
        int length = BodyAt + 2 + entry.Value.Length;
        length += Varint.Length(entry.Version.Revision) + Varint.Length(Varint.ZigZag(entry.ModifiedMs));
        if ((fields & HasOrigin) != 0)
            length += sizeof(ulong);
        if ((fields & HasExpiry) != 0)
            length += Varint.Length(ExpiresAfterModified(entry));
        if ((fields & HasContentType) != 0)
        {
            int typeBytes = Encoding.UTF8.GetByteCount(entry.ContentType);
            length += Varint.Length((ulong)typeBytes) + typeBytes;
        }
        return length;
    }

    /// <summary>Encodes an entry into exactly <see cref="Length"/> bytes.</summary>
    public static void Write(Span<byte> destination, ReadOnlySpan<byte> key, in StoredEntry entry)
    {
        byte fields = FieldsOf(entry);
        destination[0] = Format;
        destination[BodyAt] = (byte)entry.Flags;
        destination[BodyAt + 1] = fields;
        int at = BodyAt + 2;
        at += Varint.Write(destination[at..], entry.Version.Revision);
        at += Varint.Write(destination[at..], Varint.ZigZag(entry.ModifiedMs));
        if ((fields & HasOrigin) != 0)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], entry.Version.Origin);
            at += sizeof(ulong);
        }
        if ((fields & HasExpiry) != 0)
            at += Varint.Write(destination[at..], ExpiresAfterModified(entry));
        if ((fields & HasContentType) != 0)
        {
            at += Varint.Write(destination[at..], (ulong)Encoding.UTF8.GetByteCount(entry.ContentType));
            at += Encoding.UTF8.GetBytes(entry.ContentType, destination[at..]);
        }
        entry.Value.Span.CopyTo(destination[at..]);
        uint checksum = Checksum.Of(Format, key, destination[BodyAt..]);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[ChecksumAt..], checksum);
    }

    /// <summary>
    /// Decodes a row after verifying its checksum; the value is copied when <paramref name="withValue"/> is set.
    /// Answers <see langword="null"/> when all is well, else what is wrong.
    /// </summary>
    public static string? Read(ReadOnlySpan<byte> row, ReadOnlySpan<byte> key, bool withValue, out StoredEntry entry)
    {
        string? damage = ReadSized(row, key, withValue, out EntryHeader header);
        entry = header.Entry;
        return damage;
    }

    /// <summary>The same, and the value's length, whether or not the value was asked for.</summary>
    public static string? ReadSized(
        ReadOnlySpan<byte> row,
        ReadOnlySpan<byte> key,
        bool withValue,
        out EntryHeader header
    )
    {
        header = default;
        if (row.Length < BodyAt + 2)
            return "the row is too short to hold an entry";
        if (row[0] != Format)
            return $"the row has the unknown format {row[0]}";
        ReadOnlySpan<byte> rest = row[BodyAt..];
        if (Checksum.Of(Format, key, rest) != BinaryPrimitives.ReadUInt32LittleEndian(row[ChecksumAt..]))
            return "the checksum does not hold";
        var flags = (EntryFlags)rest[0];
        byte fields = rest[1];
        rest = rest[2..];
        if (
            (fields & ~KnownFields) != 0
            || !Varint.TryRead(ref rest, out ulong revision)
            || !Varint.TryRead(ref rest, out ulong modified)
            || !TryReadOrigin(ref rest, fields, out ulong origin)
            || !TryReadExpiry(ref rest, fields, Varint.UnZigZag(modified), out long expiresMs)
            || !TryReadContentType(ref rest, fields, out string contentType)
        )
            return "the fields make no sense though the checksum holds";
        StoredEntry entry = new(
            new EntryVersion(revision, origin),
            Varint.UnZigZag(modified),
            expiresMs,
            flags,
            contentType,
            withValue && !rest.IsEmpty ? rest.ToArray() : ReadOnlyMemory<byte>.Empty
        );
        header = new EntryHeader(entry, rest.Length);
        return null;
    }

    static ulong ExpiresAfterModified(in StoredEntry entry) =>
        Varint.ZigZag(unchecked(entry.ExpiresMs - entry.ModifiedMs));

    static byte FieldsOf(in StoredEntry entry) =>
        (byte)(
            (entry.Version.Origin != 0 ? HasOrigin : 0)
            | (entry.ExpiresMs != 0 ? HasExpiry : 0)
            | (string.IsNullOrEmpty(entry.ContentType) ? 0 : HasContentType)
        );

    static bool TryReadOrigin(ref ReadOnlySpan<byte> rest, byte fields, out ulong origin)
    {
        origin = 0;
        if ((fields & HasOrigin) == 0)
            return true;
        if (!BinaryPrimitives.TryReadUInt64LittleEndian(rest, out origin))
            return false;
        rest = rest[sizeof(ulong)..];
        return true;
    }

    static bool TryReadExpiry(ref ReadOnlySpan<byte> rest, byte fields, long modifiedMs, out long expiresMs)
    {
        expiresMs = 0;
        if ((fields & HasExpiry) == 0)
            return true;
        if (!Varint.TryRead(ref rest, out ulong afterModified))
            return false;
        expiresMs = unchecked(modifiedMs + Varint.UnZigZag(afterModified));
        return true;
    }

    static bool TryReadContentType(ref ReadOnlySpan<byte> rest, byte fields, out string contentType)
    {
        contentType = "";
        if ((fields & HasContentType) == 0)
            return true;
        if (!Varint.TryRead(ref rest, out ulong length) || length > (ulong)rest.Length)
            return false;
        ReadOnlySpan<byte> utf8 = rest[..(int)length];
        rest = rest[(int)length..];
        return ContentTypes.TryDecode(utf8, out contentType);
    }
}
