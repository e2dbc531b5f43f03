using System.Buffers;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Http;

/// <summary>Names and ready-made values of headers.</summary>
internal static class Headers
{
    public const string Ttl = "Exapyte-TTL";
    public const string Expires = "Exapyte-Expires";
    public const string Consistency = "Exapyte-Consistency";
    public const string MaxStaleness = "Exapyte-Max-Staleness";
    public const string Session = "Exapyte-Session";
    public const string Served = "Exapyte-Served";
    public const string IdempotencyKey = "Idempotency-Key";
    public const string LastEventId = "Last-Event-ID";

    public static readonly StringValues NoStore = new("no-store");
    public static readonly StringValues NoSniff = new("nosniff");
    public static readonly StringValues Sandbox = new("sandbox");
    public static readonly StringValues Json = new("application/json");
    public static readonly StringValues EventStream = new("text/event-stream");
    public static readonly StringValues Ndjson = new("application/x-ndjson");

    private static readonly SearchValues<char> ValueChars = SearchValues.Create(
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"
    );

    /// <summary>Whether the text can stand in a header: printable ASCII. Anything else the server would refuse to send.</summary>
    public static bool IsValue(ReadOnlySpan<char> text) => !text.ContainsAnyExcept(ValueChars);
}
