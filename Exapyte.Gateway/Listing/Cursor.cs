using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Exapyte.Gateway.Routing;

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
}

/// <summary>
/// Writes cursors as text and reads back only its own: HMAC-SHA256 (RFC 2104, cut to 128 bits) over the cursor and the
/// keyspace's name. Thread-safe.
/// </summary>
/// <remarks>
/// Layout: format (1), flags (1), keyspace id (8, big-endian), then last key, start, end and prefix, each behind its
/// length (2), then the signature (16); the whole as base64url.
/// </remarks>
internal sealed class CursorCodec
{
    private const byte Format = 1;
    private const byte ReverseFlag = 1;
    private const byte HasEndFlag = 2;
    private const int HeadBytes = 10;
    private const int LengthBytes = 2;
    private const int SignatureBytes = 16;
    private const int RandomKeyBytes = 32;

    private readonly Lazy<byte[]> key;

    /// <summary>Creates a codec over a key; where that is empty, over what the source gives, or else a random one.</summary>
    public CursorCodec(byte[] key, Func<byte[]>? source = null)
    {
        this.key =
            key.Length > 0 ? new(key) : new(source ?? (static () => RandomNumberGenerator.GetBytes(RandomKeyBytes)));
    }

    /// <summary>The cursor's text.</summary>
    public string Write(string keyspace, Cursor cursor)
    {
        var length =
            HeadBytes
            + (4 * LengthBytes)
            + cursor.After.Length
            + cursor.Start.Length
            + (cursor.End?.Length ?? 0)
            + cursor.Prefix.Length;
        var bytes = new byte[length + SignatureBytes];
        bytes[0] = Format;
        bytes[1] = (byte)((cursor.Reverse ? ReverseFlag : 0) | (cursor.End is null ? 0 : HasEndFlag));
        BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(2), cursor.KeyspaceId);
        var rest = bytes.AsSpan(HeadBytes);
        WriteText(ref rest, cursor.After.Span);
        WriteText(ref rest, cursor.Start.Span);
        WriteText(ref rest, cursor.End.GetValueOrDefault().Span);
        WriteText(ref rest, cursor.Prefix.Span);
        Sign(keyspace, bytes.AsSpan(0, length), rest);
        return Base64Text.Encode(bytes);
    }

    /// <summary>Reads a cursor; false where this key did not sign it for this keyspace.</summary>
    public bool TryRead(string keyspace, ReadOnlySpan<char> text, [NotNullWhen(true)] out Cursor? cursor)
    {
        cursor = null;
        if (!Base64Text.TryDecode(text, out var bytes) || bytes.Length < HeadBytes + SignatureBytes)
        {
            return false;
        }
        Span<byte> signature = stackalloc byte[SignatureBytes];
        Sign(keyspace, bytes.AsSpan(0, bytes.Length - SignatureBytes), signature);
        if (!CryptographicOperations.FixedTimeEquals(signature, bytes.AsSpan(bytes.Length - SignatureBytes)))
        {
            return false;
        }
        // What is signed was written here; only the format may be another version's.
        if (bytes[0] != Format)
        {
            return false;
        }
        var rest = bytes.AsMemory(HeadBytes, bytes.Length - HeadBytes - SignatureBytes);
        var (after, start, end, prefix) = (
            ReadText(ref rest),
            ReadText(ref rest),
            ReadText(ref rest),
            ReadText(ref rest)
        );
        cursor = new()
        {
            KeyspaceId = BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(2)),
            After = after,
            Start = start,
            // A bare null would become an empty bound: arrays convert to memory.
            End = (bytes[1] & HasEndFlag) == 0 ? (ReadOnlyMemory<byte>?)null : end,
            Prefix = prefix,
            Reverse = (bytes[1] & ReverseFlag) != 0,
        };
        return true;
    }

    private void Sign(string keyspace, ReadOnlySpan<byte> content, Span<byte> signature)
    {
        using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, key.Value);
        mac.AppendData(content);
        mac.AppendData(Encoding.ASCII.GetBytes(keyspace));
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        mac.GetHashAndReset(whole);
        whole[..SignatureBytes].CopyTo(signature);
    }

    private static void WriteText(ref Span<byte> rest, ReadOnlySpan<byte> text)
    {
        BinaryPrimitives.WriteUInt16BigEndian(rest, checked((ushort)text.Length));
        text.CopyTo(rest[LengthBytes..]);
        rest = rest[(LengthBytes + text.Length)..];
    }

    private static ReadOnlyMemory<byte> ReadText(ref Memory<byte> rest)
    {
        var length = BinaryPrimitives.ReadUInt16BigEndian(rest.Span);
        var text = rest.Slice(LengthBytes, length);
        rest = rest[(LengthBytes + length)..];
        return text;
    }
}
