using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Issues the stamps of a replica's writes. Each wins over what the replica holds of the key: to acknowledge a write that is
/// known to be lost would be a lie. Thread-safe.
/// </summary>
/// <remarks>
/// A stamp over one that is too far ahead is one more than that and does not come from the clock. So that it never means two
/// contents, writes under way over one entry get one after the other, and none leaves this node before it is durable here. What
/// is held is looked up again under the lock: a write may have ended since the caller looked.
/// </remarks>
/// <param name="clock">The node's clock.</param>
/// <param name="held">The revision that this replica holds of a key now; 0 for none.</param>
internal sealed class WriteStamps(HybridClock clock, Func<ReadOnlyMemory<byte>, ulong> held)
{
    private readonly Lock gate = new();
    private readonly Dictionary<ReadOnlyMemory<byte>, ulong> underWay = new(KeyBytesComparer.Instance);

    /// <summary>A stamp for a write of the key, over the version that was found held or has won.</summary>
    public async ValueTask<ClockReading> Over(ReadOnlyMemory<byte> key, VersionStamp found)
    {
        var reading = await clock.Over(found.Revision);
        if (!reading.IsAhead)
        {
            return reading;
        }
        lock (gate)
        {
            var last = Math.Max(Math.Max(found.Revision, held(key)), underWay.GetValueOrDefault(key));
            if (last == ulong.MaxValue)
            {
                return HybridClock.NoneOver();
            }
            underWay[key] = last + 1;
            return reading with { Stamp = new(last + 1, reading.Stamp.Origin) };
        }
    }

    /// <summary>The write of the entry has ended here: what is held tells its stamp from now on, or nothing was stored.</summary>
    public void Ended(StampedEntry entry)
    {
        lock (gate)
        {
            if (underWay.TryGetValue(entry.Key, out var last) && last == entry.Version.Revision)
            {
                underWay.Remove(entry.Key);
            }
        }
    }
}
