using System.Buffers;
using System.Buffers.Binary;
using Microsoft.Extensions.Caching.Distributed;

namespace Exapyte.Providers.Caching;

/// <summary>
/// A cached value as it is stored: a byte of format, the sliding span and the absolute end (8 bytes each, little-endian
/// milliseconds, 0: none), then the value.
/// </summary>
internal static class CachedValue
{
    private const byte Format = 1;
    private const int HeaderBytes = 1 + (2 * sizeof(long));

    /// <summary>The stored form, and when the entry ends unless it is read before (Unix milliseconds; 0: never).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It would have ended already.</exception>
    public static (byte[] Stored, long EndMs) Pack(
        in ReadOnlySequence<byte> value,
        DistributedCacheEntryOptions options,
        DateTimeOffset now
    )
    {
        var slidingMs = options.SlidingExpiration is { } sliding ? Math.Max(1, (long)sliding.TotalMilliseconds) : 0;
        var absolute = options.AbsoluteExpirationRelativeToNow is { } span ? now + span : options.AbsoluteExpiration;
        if (absolute <= now)
        {
            throw new ArgumentOutOfRangeException(nameof(options), absolute, "The end must be in the future.");
        }
        var stored = new byte[HeaderBytes + value.Length];
        stored[0] = Format;
        BinaryPrimitives.WriteInt64LittleEndian(stored.AsSpan(1), slidingMs);
        var absoluteMs = absolute?.ToUnixTimeMilliseconds() ?? 0;
        BinaryPrimitives.WriteInt64LittleEndian(stored.AsSpan(1 + sizeof(long)), absoluteMs);
        value.CopyTo(stored.AsSpan(HeaderBytes));
        return (stored, EndOf(slidingMs, absoluteMs, now));
    }

    /// <summary>The value without its header; null where it is of no known form.</summary>
    public static ReadOnlyMemory<byte>? ValueOf(ReadOnlyMemory<byte> stored) =>
        stored.Length >= HeaderBytes && stored.Span[0] == Format ? stored[HeaderBytes..] : null;

    /// <summary>When the entry ends after it was read now, Unix milliseconds; null where reading it changes nothing.</summary>
    public static long? EndOnceRead(ReadOnlySpan<byte> stored, DateTimeOffset now)
    {
        var slidingMs = BinaryPrimitives.ReadInt64LittleEndian(stored[1..]);
        return slidingMs == 0
            ? null
            : EndOf(slidingMs, BinaryPrimitives.ReadInt64LittleEndian(stored[(1 + sizeof(long))..]), now);
    }

    private static long EndOf(long slidingMs, long absoluteMs, DateTimeOffset now)
    {
        var slidingEndMs = slidingMs == 0 ? 0 : now.ToUnixTimeMilliseconds() + slidingMs;
        return (slidingEndMs, absoluteMs) switch
        {
            (0, _) => absoluteMs,
            (_, 0) => slidingEndMs,
            _ => Math.Min(slidingEndMs, absoluteMs),
        };
    }
}
