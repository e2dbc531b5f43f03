using System.Buffers.Text;
using System.Text;

namespace Exapyte.Load;

/// <summary>Status line and framing of an HTTP/1.1 answer.</summary>
/// <param name="Status">The status code.</param>
/// <param name="Bytes">The head's length, the empty line included.</param>
/// <param name="BodyBytes">The body's length; null where it comes in chunks.</param>
/// <param name="RetryAfterSeconds">How long the caller is asked to wait; 0 where it is not.</param>
readonly record struct AnswerHead(int Status, int Bytes, long? BodyBytes, int RetryAfterSeconds)
{
    const int StatusAt = 9;

    /// <summary>False while the head is incomplete.</summary>
    /// <exception cref="InvalidDataException">The bytes are no HTTP/1.1 answer.</exception>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out AnswerHead head)
    {
        head = default;
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return false;
        if (!bytes.StartsWith("HTTP/1.1 "u8) || !Utf8Parser.TryParse(bytes[StatusAt..], out int status, out _))
            throw new InvalidDataException("Not an HTTP/1.1 answer.");
        var lines = bytes[..(end + 2)];
        var length = Field(lines, "content-length"u8);
        long? bodyBytes = null;
        if (Utf8Parser.TryParse(length, out long parsed, out _))
            bodyBytes = parsed;
        else if (status is 204 or 304 || Field(lines, "transfer-encoding"u8).IsEmpty)
            bodyBytes = 0;
        _ = Utf8Parser.TryParse(Field(lines, "retry-after"u8), out int retryAfterSeconds, out _);
        head = new AnswerHead(status, end + 4, bodyBytes, retryAfterSeconds);
        return true;
    }

    /// <summary>The value of a header field; empty where it is absent.</summary>
    static ReadOnlySpan<byte> Field(ReadOnlySpan<byte> lines, ReadOnlySpan<byte> name)
    {
        for (var next = lines.IndexOf("\r\n"u8); next >= 0; next = lines.IndexOf("\r\n"u8))
        {
            var line = lines[..next];
            lines = lines[(next + 2)..];
            if (
                line.Length > name.Length
                && line[name.Length] == ':'
                && Ascii.EqualsIgnoreCase(line[..name.Length], name)
            )
                return line[(name.Length + 1)..].TrimStart((byte)' ');
        }
        return default;
    }
}

/// <summary>Follows a body sent in chunks (RFC 9112, section 7.1) to its end, without keeping it.</summary>
struct ChunkedBody
{
    enum Expects
    {
        Size,
        RestOfSizeLine,
        Data,
        EndOfData,
        Trailer,
        RestOfTrailerLine,
    }

    Expects _expects;
    long _left;

    /// <summary>True once the last chunk and its trailer have been seen.</summary>
    /// <exception cref="InvalidDataException">A chunk's size is no number.</exception>
    public bool Consume(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; at < bytes.Length; at++)
        {
            if (_expects == Expects.Data)
            {
                var here = (int)Math.Min(_left, bytes.Length - at);
                _left -= here;
                at += here - 1;
                _expects = _left == 0 ? Expects.EndOfData : Expects.Data;
            }
            else if (Step(bytes[at]))
            {
                return true;
            }
        }
        return false;
    }

    bool Step(byte next)
    {
        switch (_expects)
        {
            case Expects.Size when next is (byte)'\r' or (byte)';':
                _expects = Expects.RestOfSizeLine;
                return false;
            case Expects.Size:
                _left = (_left * 16) + HexDigit(next);
                return false;
            case Expects.RestOfSizeLine when next == '\n':
                _expects = _left == 0 ? Expects.Trailer : Expects.Data;
                return false;
            case Expects.EndOfData when next == '\n':
                _expects = Expects.Size;
                return false;
            case Expects.Trailer when next == '\n':
                return true;
            case Expects.Trailer when next != '\r':
                _expects = Expects.RestOfTrailerLine;
                return false;
            case Expects.RestOfTrailerLine when next == '\n':
                _expects = Expects.Trailer;
                return false;
            default:
                return false;
        }
    }

    static int HexDigit(byte digit) =>
        char.IsAsciiHexDigit((char)digit)
            ? Convert.FromHexString($"0{(char)digit}")[0]
            : throw new InvalidDataException("A chunk's size is no number.");
}
