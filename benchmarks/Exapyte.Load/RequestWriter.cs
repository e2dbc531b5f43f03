using System.Text;

namespace Exapyte.Load;

/// <summary>
/// Makes HTTP/1.1 requests for one connection. Each operation's request is laid out once, value included; a call only
/// writes the digits of the key into it, so that making a request costs next to nothing. A page is asked for by the prefix
/// that a hundred keys share.
/// </summary>
sealed class RequestWriter
{
    const int KeyDigits = 9;
    const int PrefixDigits = 7;
    const int KeysOfPrefix = 100;
    const string DigitsMark = "#########";
    const string PrefixMark = "#######";

    readonly byte[][] _requests;
    readonly int[] _digitsAt;

    public RequestWriter(LoadOptions options, ReadOnlySpan<byte> value)
    {
        var entries = $"/v1/keyspaces/{Uri.EscapeDataString(options.Keyspace)}/entries";
        var key = options.ApiKey.Length == 0 ? "" : $"Authorization: Bearer {options.ApiKey}\r\n";
        var host = $"Host: {options.Url.Authority}\r\n{key}";
        var body = $"Content-Type: application/octet-stream\r\nContent-Length: {value.Length}\r\n";
        var heads = new string[Enum.GetValues<Operation>().Length];
        heads[(int)Operation.Put] = $"PUT {entries}/key-{DigitsMark} HTTP/1.1\r\n{host}{body}\r\n";
        heads[(int)Operation.Get] = $"GET {entries}/key-{DigitsMark} HTTP/1.1\r\n{host}\r\n";
        heads[(int)Operation.Delete] = $"DELETE {entries}/key-{DigitsMark} HTTP/1.1\r\n{host}\r\n";
        heads[(int)Operation.Scan] =
            $"GET {entries}?prefix=key-{PrefixMark}&limit={options.ScanLimit} HTTP/1.1\r\n{host}\r\n";
        _digitsAt = [.. heads.Select(head => head.IndexOf(PrefixMark, StringComparison.Ordinal))];
        _requests = [.. heads.Select(Encoding.ASCII.GetBytes)];
        _requests[(int)Operation.Put] = [.. _requests[(int)Operation.Put], .. value];
    }

    /// <summary>The request's bytes; valid until the next call.</summary>
    public ReadOnlyMemory<byte> Write(Operation operation, int key)
    {
        var request = _requests[(int)operation];
        var digits = request.AsSpan(_digitsAt[(int)operation]);
        if (operation == Operation.Scan)
            (key / KeysOfPrefix).TryFormat(digits[..PrefixDigits], out _, "D7");
        else
            key.TryFormat(digits[..KeyDigits], out _, "D9");
        return request;
    }
}
