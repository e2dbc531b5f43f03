using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Gateway.Listing;

/// <summary>Where a listing goes on: what it was asked for and the last key that it gave. No shard is named.</summary>
internal sealed record Cursor
{
    /// <summary>The keyspace's id: the cursor ends with the keyspace, even where the name is used again.</summary>
    public required long KeyspaceId { get; init; }

    /// <summary>The last key given.</summary>
    public required ReadOnlyMemory<byte> After { get; init; }

    /// <summary>First key, inclusive; empty: from the beginning.</summary>
    public required ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>Last key, exclusive; null: to the end.</summary>
    public required ReadOnlyMemory<byte>? End { get; init; }

    /// <summary>What every key begins with.</summary>
    public required ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>From the end towards the beginning.</summary>
    public required bool Reverse { get; init; }

    /// <summary>What keys are folded by; empty: they are not.</summary>
    public ReadOnlyMemory<byte> Delimiter { get; init; }
}

/// <summary>
/// Writes cursors as text and reads back only those that its cluster signed (<see cref="TokenSigner"/>). Thread-safe.
/// </summary>
/// <remarks>
/// Layout: format (1), flags (1), keyspace id (8, big-endian), then last key, start, end and prefix, each behind its
/// length (2); then the delimiter likewise, where the flags say that there is one.
/// </remarks>
internal sealed class CursorCodec(TokenSigner signer)
{
    private const byte Format = 1;
    private const byte ReverseFlag = 1;
    private const byte HasEndFlag = 2;
    private const byte HasDelimiterFlag = 4;
    private const int HeadBytes = 10;
    private const int LengthBytes = 2;

    /// <summary>The cursor's text.</summary>
    public string Write(string keyspace, Cursor cursor)
    {
        var length =
            HeadBytes
            + (4 * LengthBytes)
            + cursor.After.Length
            + cursor.Start.Length
            + (cursor.End?.Length ?? 0)
            + cursor.Prefix.Length
            + (cursor.Delimiter.IsEmpty ? 0 : LengthBytes + cursor.Delimiter.Length);
        var bytes = new byte[length];
        bytes[0] = Format;
        bytes[1] = (byte)(
            (cursor.Reverse ? ReverseFlag : 0)
            | (cursor.End is null ? 0 : HasEndFlag)
            | (cursor.Delimiter.IsEmpty ? 0 : HasDelimiterFlag)
        );
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(2), cursor.KeyspaceId);
        var rest = bytes.AsSpan(HeadBytes);
        WriteText(ref rest, cursor.After.Span);
        WriteText(ref rest, cursor.Start.Span);
        WriteText(ref rest, cursor.End.GetValueOrDefault().Span);
        WriteText(ref rest, cursor.Prefix.Span);
        if (!cursor.Delimiter.IsEmpty)
        {
            WriteText(ref rest, cursor.Delimiter.Span);
        }
        return signer.Write(keyspace, bytes);
    }

    /// <summary>Reads a cursor; false where this key did not sign it for this keyspace.</summary>
    public bool TryRead(string keyspace, ReadOnlySpan<char> text, [NotNullWhen(true)] out Cursor? cursor)
    {
        cursor = null;
        // What is signed was written here; only the format may be that of another version or of another kind of token.
        if (!signer.TryRead(keyspace, text, out var content) || content.Length < HeadBytes || content.Span[0] != Format)
        {
            return false;
        }
        var rest = content[HeadBytes..];
        var (after, start, end, prefix) = (
            ReadText(ref rest),
            ReadText(ref rest),
            ReadText(ref rest),
            ReadText(ref rest)
        );
        var flags = content.Span[1];
        cursor = new()
        {
            KeyspaceId = BinaryPrimitives.ReadInt64BigEndian(content.Span[2..]),
            After = after,
            Start = start,
            // A bare null would become an empty bound: arrays convert to memory.
            End = (flags & HasEndFlag) == 0 ? (ReadOnlyMemory<byte>?)null : end,
            Prefix = prefix,
            Reverse = (flags & ReverseFlag) != 0,
            Delimiter = (flags & HasDelimiterFlag) == 0 ? default : ReadText(ref rest),
        };
        return true;
    }

    private static void WriteText(ref Span<byte> rest, ReadOnlySpan<byte> text)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest, checked((ushort)text.Length));
        text.CopyTo(rest[LengthBytes..]);
        rest = rest[(LengthBytes + text.Length)..];
    }

    private static ReadOnlyMemory<byte> ReadText(ref ReadOnlyMemory<byte> rest)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(rest.Span);
        var text = rest.Slice(LengthBytes, length);
        rest = rest[(LengthBytes + length)..];
        return text;
    }
}
