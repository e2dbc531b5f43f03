using System.Buffers;
using System.Buffers.Text;

namespace Exapyte.Gateway.Routing;

/// <summary>base64url (RFC 4648, section 5) as keys and values are written in it; padding is optional when read.</summary>
internal static class Base64Text
{
    /// <summary>What is accepted, for a person.</summary>
    public const string Rule = "base64url (A-Z a-z 0-9 - _), padding optional";

    private static readonly SearchValues<char> Alphabet = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    );

    /// <summary>Decodes; false for another alphabet, a wrong length or bits that stand for nothing.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, out byte[] bytes)
    {
        bytes = [];
        var bare = text.TrimEnd('=');
        var padding = text.Length - bare.Length;
        if (bare.ContainsAnyExcept(Alphabet) || bare.Length % 4 == 1)
        {
            return false;
        }
        if (padding != 0 && (padding > 2 || text.Length % 4 != 0))
        {
            return false;
        }
        var decoded = GC.AllocateUninitializedArray<byte>(Base64Url.GetMaxDecodedLength(bare.Length));
        if (
            Base64Url.DecodeFromChars(bare, decoded, out _, out var written) != OperationStatus.Done
            || written != decoded.Length
            || !EndsCanonically(bare, decoded)
        )
        {
            return false;
        }
        bytes = decoded;
        return true;
    }

    /// <summary>Encodes without padding.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes) => Base64Url.EncodeToString(bytes);

    private static bool EndsCanonically(ReadOnlySpan<char> bare, ReadOnlySpan<byte> decoded)
    {
        var tail = decoded.Length % 3;
        if (tail == 0)
        {
            return true;
        }
        Span<char> again = stackalloc char[4];
        var count = Base64Url.EncodeToChars(decoded[^tail..], again);
        return bare.EndsWith(again[..count]);
    }
}
