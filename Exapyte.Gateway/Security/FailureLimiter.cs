using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Exapyte.Gateway.Security;

/// <summary>What becomes of a failed authentication.</summary>
internal enum FailureOutcome
{
    /// <summary>Answered at once, and written down.</summary>
    Now,

    /// <summary>There were many from this address: answered after a while.</summary>
    Later,

    /// <summary>Too many wait already: answered at once, that there were too many.</summary>
    Shed,
}

/// <summary>
/// Slows failed authentications by the address that they come from (IPv6: by its network of 64 bits). Who shows a right
/// key is never slowed: the secrets cannot be guessed, so that it is only about load and the log. Bounded; thread-safe.
/// </summary>
internal sealed class FailureLimiter(double perSecond, TimeProvider time)
{
    private const int AddressesMax = 4_096;
    private const int WaitingMax = 512;
    private const int BurstSeconds = 10;
    private const int NetworkBytes = 8;

    private readonly ConcurrentDictionary<UInt128, Address> addresses = new();
    private readonly Address others = new(perSecond, time);
    private int waiting;

    /// <summary>Counts a failure.</summary>
    /// <param name="from">The caller's address.</param>
    /// <param name="unwritten">Failures of this address that were not written down since the last one that was.</param>
    public FailureOutcome Note(IPAddress? from, out long unwritten)
    {
        var address = Of(from);
        if (address.Rate.TryTake())
        {
            unwritten = Interlocked.Exchange(ref address.Unwritten, 0);
            return FailureOutcome.Now;
        }
        unwritten = 0;
        Interlocked.Increment(ref address.Unwritten);
        if (Interlocked.Increment(ref waiting) <= WaitingMax)
        {
            return FailureOutcome.Later;
        }
        Interlocked.Decrement(ref waiting);
        return FailureOutcome.Shed;
    }

    /// <summary>Ends a wait that <see cref="FailureOutcome.Later"/> began.</summary>
    public void Waited() => Interlocked.Decrement(ref waiting);

    private Address Of(IPAddress? from)
    {
        var network = NetworkOf(from);
        if (addresses.TryGetValue(network, out var known))
        {
            return known;
        }
        if (addresses.Count >= AddressesMax)
        {
            foreach (var (idle, _) in addresses.Where(one => one.Value.Rate.IsIdle))
            {
                addresses.TryRemove(idle, out _);
            }
        }
        return addresses.Count < AddressesMax ? addresses.GetOrAdd(network, _ => new(perSecond, time)) : others;
    }

    private static UInt128 NetworkOf(IPAddress? address)
    {
        if (address is null)
        {
            return 0;
        }
        Span<byte> bytes = stackalloc byte[16];
        address.MapToIPv6().TryWriteBytes(bytes, out _);
        if (address is { AddressFamily: AddressFamily.InterNetworkV6, IsIPv4MappedToIPv6: false })
        {
            bytes[NetworkBytes..].Clear();
        }
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }

    private sealed class Address(double perSecond, TimeProvider time)
    {
        public long Unwritten;

        public RateLimiter Rate { get; } = new(perSecond, perSecond * BurstSeconds, time);
    }
}
