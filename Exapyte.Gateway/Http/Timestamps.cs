using System.Globalization;
using System.Text.RegularExpressions;

namespace Exapyte.Gateway.Http;

/// <summary>Times as headers and JSON hold them.</summary>
internal static partial class Timestamps
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

    /// <summary>
    /// Reads a time as RFC 3339, section 5.6, has it, into Unix milliseconds: <c>t</c> and <c>z</c> may be small, and of a
    /// fraction, which may have any number of digits, three count and the rest is cut off. A leap second is no time here.
    /// </summary>
    public static bool TryReadRfc3339(string text, out long unixMs)
    {
        unixMs = 0;
        var match = Rfc3339Form().Match(text);
        if (!match.Success)
        {
            return false;
        }
        int Number(string group) => int.Parse(match.Groups[group].ValueSpan, CultureInfo.InvariantCulture);
        var (year, month, day) = (Number("year"), Number("month"), Number("day"));
        var (hour, minute, second) = (Number("hour"), Number("minute"), Number("second"));
        if (
            year == 0
            || month is 0 or > 12
            || day == 0
            || day > DateTime.DaysInMonth(year, month)
            || hour > 23
            || minute > 59
            || second > 59
        )
        {
            return false;
        }
        var local = new DateTimeOffset(year, month, day, hour, minute, second, TimeSpan.Zero);
        unixMs = local.ToUnixTimeMilliseconds() + MillisecondsOf(match.Groups["fraction"].ValueSpan);
        if (!match.Groups["sign"].Success)
        {
            return true;
        }
        var (hours, minutes) = (Number("hours"), Number("minutes"));
        var offsetMs = ((hours * 60L) + minutes) * 60_000;
        unixMs += match.Groups["sign"].ValueSpan is "+" ? -offsetMs : offsetMs;
        return hours <= 23 && minutes <= 59;
    }

    private static int MillisecondsOf(ReadOnlySpan<char> fraction)
    {
        var milliseconds = 0;
        for (var digit = 0; digit < 3; digit++)
        {
            milliseconds = (10 * milliseconds) + (digit < fraction.Length ? fraction[digit] - '0' : 0);
        }
        return milliseconds;
    }

    [GeneratedRegex(
        @"\A(?<year>[0-9]{4})-(?<month>[0-9]{2})-(?<day>[0-9]{2})[Tt](?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})"
            + @"(\.(?<fraction>[0-9]+))?([Zz]|(?<sign>[+-])(?<hours>[0-9]{2}):(?<minutes>[0-9]{2}))\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 60_000
    )]
    private static partial Regex Rfc3339Form();
}
