using System.Buffers;
using System.Globalization;

namespace Exapyte.Gateway.Routing;

/// <summary>
/// Percent-encoding (RFC 3986, section 2.1) between target text and bytes. Decoding is done once: <c>%2F</c> and
/// <c>/</c> are the same byte, <c>%252F</c> is the three bytes <c>%2F</c>, and <c>+</c> is a plus.
/// </summary>
internal static class PercentCoding
{
    private static readonly SearchValues<byte> KeptInKeys = SearchValues.Create(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/"u8
    );

    /// <summary>Decodes text of ASCII characters into exactly as many bytes as it stands for; false at a bad escape.</summary>
    public static bool TryDecode(ReadOnlySpan<char> text, out byte[] bytes)
    {
        var escapes = text.Count('%');
        var length = text.Length - (2 * escapes);
        if (length <= 0)
        {
            bytes = [];
            return length == 0 && escapes == 0;
        }
        bytes = GC.AllocateUninitializedArray<byte>(length);
        if (escapes == 0)
        {
            return OperationStatus.Done == System.Text.Ascii.FromUtf16(text, bytes, out _);
        }
        var from = 0;
        for (var to = 0; to < length; to++)
        {
            if (from >= text.Length)
            {
                return false;
            }
            if (text[from] != '%')
            {
                bytes[to] = (byte)text[from++];
                continue;
            }
            if (!TryEscape(text[from..], out bytes[to]))
            {
                return false;
            }
            from += 3;
        }
        return from == text.Length;
    }

    /// <summary>Reads the escape that the text begins with; false where it is not <c>%</c> and two hex digits.</summary>
    public static bool TryEscape(ReadOnlySpan<char> text, out byte value)
    {
        value = 0;
        return text.Length >= 3
            && char.IsAsciiHexDigit(text[1])
            && char.IsAsciiHexDigit(text[2])
            && byte.TryParse(text.Slice(1, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>The target text of a key: unreserved characters and <c>/</c> as they are, the rest escaped.</summary>
    public static string Encode(ReadOnlySpan<byte> bytes)
    {
        var text = new System.Text.StringBuilder(bytes.Length);
        foreach (var value in bytes)
        {
            if (KeptInKeys.Contains(value))
            {
                text.Append((char)value);
            }
            else
            {
                text.Append('%').Append(value.ToString("X2"));
            }
        }
        return text.ToString();
    }
}
