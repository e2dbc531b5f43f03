using System.Buffers;
using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;

namespace Exapyte.Security;

/// <summary>
/// The secret half of a key: 256 random bits, as 43 characters of base64url behind the id and a dot. Only its SHA-256 is
/// ever kept: of bits that nobody can guess a fast hash tells no more than a slow one.
/// </summary>
public static class KeySecret
{
    /// <summary>Bytes of a secret, and of its hash.</summary>
    public const int Bytes = 32;

    private const int Chars = 43;
    private const int IdBytes = 10;

    /// <summary>A new secret, as text.</summary>
    public static string Create() => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(Bytes));

    /// <summary>A new id.</summary>
    public static string CreateId() => "k" + Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdBytes));

    /// <summary>The hash of a secret's text.</summary>
    /// <exception cref="FormatException">It is no secret. The message does not hold it.</exception>
    public static byte[] HashOf(ReadOnlySpan<char> secret)
    {
        var hash = new byte[Bytes];
        return TryHash(secret, hash) ? hash : throw new FormatException("The text is no secret of a key.");
    }

    /// <summary>Hashes a secret; false where the text is none: another length, another alphabet, stray bits.</summary>
    public static bool TryHash(ReadOnlySpan<char> secret, Span<byte> hash)
    {
        Span<byte> bytes = stackalloc byte[Bytes];
        if (
            secret.Length != Chars
            || Base64Url.DecodeFromChars(secret, bytes, out var read, out var written) != OperationStatus.Done
            || read != Chars
            || written != Bytes
        )
        {
            return false;
        }
        Span<char> again = stackalloc char[Chars];
        Base64Url.EncodeToChars(bytes, again);
        SHA256.HashData(bytes, hash);
        CryptographicOperations.ZeroMemory(bytes);
        return secret.SequenceEqual(again);
    }

    /// <summary>Takes <c>id.secret</c> apart; false where it has another form.</summary>
    public static bool TrySplit(string? text, [NotNullWhen(true)] out string? id, out string secret)
    {
        var dot = text?.IndexOf('.') ?? -1;
        (id, secret) = dot < 0 ? (null, "") : (text![..dot], text[(dot + 1)..]);
        return id is not null && KeyRules.IsId(id) && TryHash(secret, stackalloc byte[Bytes]);
    }
}
