using System.Globalization;

namespace Exapyte.Gateway.Http;

/// <summary>Times as headers and JSON hold them.</summary>
internal static class Timestamps
{
    private const int DatesCached = 64;
    private static readonly long UnixMsMax = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    // Entries read together were often written together: dates of one second share a string.
    private static readonly CachedDate?[] Dates = new CachedDate?[DatesCached];

    private sealed record CachedDate(long UnixSeconds, string Text);

    /// <summary>Unix milliseconds as an HTTP date, cut to the second.</summary>
    public static string HttpDate(long unixMs)
    {
        var seconds = Math.Clamp(unixMs, 0, UnixMsMax) / 1_000;
        ref var slot = ref Dates[seconds % DatesCached];
        var cached = Volatile.Read(ref slot);
        if (cached is null || cached.UnixSeconds != seconds)
        {
            cached = new(seconds, DateTimeOffset.FromUnixTimeSeconds(seconds).ToString("R"));
            Volatile.Write(ref slot, cached);
        }
        return cached.Text;
    }

    /// <summary>Unix milliseconds as RFC 3339 in UTC, to the millisecond.</summary>
    public static string Rfc3339(long unixMs) =>
        DateTimeOffset
            .FromUnixTimeMilliseconds(Math.Clamp(unixMs, 0, UnixMsMax))
            .ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);
}
