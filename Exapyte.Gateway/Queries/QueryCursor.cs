using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Listing;

namespace Exapyte.Gateway.Queries;

/// <summary>Where a query goes on.</summary>
/// <param name="KeyspaceId">The keyspace's id: the cursor ends with the keyspace, even where the name is used again.</param>
/// <param name="After">Where the page ended.</param>
internal readonly record struct QueryCursor(long KeyspaceId, ReadOnlyMemory<byte> After);

/// <summary>Writes cursors of queries as text and reads back only its own, beside the same query. Thread-safe.</summary>
/// <remarks>Layout: format (1), keyspace id (8, big-endian), fingerprint of the query (16), place; signed, as base64url.</remarks>
internal sealed class QueryCursorCodec(TokenSigner signer)
{
    private const byte Format = 2;
    private const int FingerprintBytes = 16;
    private const int HeadBytes = 9 + FingerprintBytes;

    /// <summary>What decides which rows there are and in which order: pages of one query share it.</summary>
    private static readonly string[] Deciding =
    [
        "where",
        "params",
        "select",
        "orderBy",
        "groupBy",
        "aggregate",
        "index",
    ];

    /// <summary>The fingerprint of a query's body.</summary>
    public static byte[] FingerprintOf(JsonDocument? body)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        if (body is not null)
        {
            foreach (var name in Deciding)
            {
                if (body.RootElement.TryGetProperty(name, out var member))
                {
                    hash.AppendData(Encoding.UTF8.GetBytes(name + ":" + member.GetRawText() + "\n"));
                }
            }
        }
        return hash.GetHashAndReset()[..FingerprintBytes];
    }

    /// <summary>The cursor's text.</summary>
    public string Write(string keyspace, byte[] fingerprint, QueryCursor cursor)
    {
        var content = new byte[HeadBytes + cursor.After.Length];
        content[0] = Format;
        BinaryPrimitives.WriteInt64BigEndian(content.AsSpan(1), cursor.KeyspaceId);
        fingerprint.CopyTo(content, 9);
        cursor.After.Span.CopyTo(content.AsSpan(HeadBytes));
        return signer.Write(keyspace, content);
    }

    /// <summary>Reads a cursor; false where this key did not sign it for this keyspace and this query.</summary>
    public bool TryRead(string keyspace, byte[] fingerprint, string text, out QueryCursor cursor)
    {
        cursor = default;
        if (
            !signer.TryRead(keyspace, text, out var content)
            || content.Length <= HeadBytes
            || content.Span[0] != Format
            || !content.Span.Slice(9, FingerprintBytes).SequenceEqual(fingerprint)
        )
        {
            return false;
        }
        cursor = new(BinaryPrimitives.ReadInt64BigEndian(content.Span[1..]), content[HeadBytes..]);
        return true;
    }
}
