using System.Security.Cryptography;
using System.Text;
using Exapyte.Gateway.Routing;

namespace Exapyte.Gateway.Listing;

/// <summary>
/// Signs what a caller carries from one request to another and takes back only that: HMAC-SHA256 (RFC 2104, cut to 128
/// bits) over the content and the keyspace's name, behind the content; the whole as base64url. Thread-safe.
/// </summary>
internal sealed class TokenSigner
{
    private const int SignatureBytes = 16;
    private const int RandomKeyBytes = 32;

    private readonly Lazy<byte[]> key;

    /// <summary>Creates a signer with a key; where that is empty, with what the source gives, or else a random one.</summary>
    public TokenSigner(byte[] key, Func<byte[]>? source = null)
    {
        // A source that cannot tell yet is asked again; of two that are made at once the first is kept.
        this.key =
            key.Length > 0
                ? new(key)
                : new(
                    source ?? (static () => RandomNumberGenerator.GetBytes(RandomKeyBytes)),
                    LazyThreadSafetyMode.PublicationOnly
                );
    }

    /// <summary>The token's text.</summary>
    public string Write(string keyspace, ReadOnlySpan<byte> content)
    {
        var bytes = new byte[content.Length + SignatureBytes];
        content.CopyTo(bytes);
        Sign(keyspace, content, bytes.AsSpan(content.Length));
        return Base64Text.Encode(bytes);
    }

    /// <summary>Reads a token's content; false where this key did not sign it for this keyspace.</summary>
    public bool TryRead(string keyspace, ReadOnlySpan<char> text, out ReadOnlyMemory<byte> content)
    {
        content = default;
        if (!Base64Text.TryDecode(text, out var bytes) || bytes.Length < SignatureBytes)
        {
            return false;
        }
        var length = bytes.Length - SignatureBytes;
        Span<byte> signature = stackalloc byte[SignatureBytes];
        Sign(keyspace, bytes.AsSpan(0, length), signature);
        content = bytes.AsMemory(0, length);
        return CryptographicOperations.FixedTimeEquals(signature, bytes.AsSpan(length));
    }

    private void Sign(string keyspace, ReadOnlySpan<byte> content, Span<byte> signature)
    {
        var signed = new byte[content.Length + keyspace.Length];
        content.CopyTo(signed);
        Encoding.ASCII.GetBytes(keyspace, signed.AsSpan(content.Length));
        Span<byte> whole = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.Value, signed, whole);
        whole[..SignatureBytes].CopyTo(signature);
    }
}
