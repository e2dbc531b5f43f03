using System.Text.Json;
using System.Text.Json.Serialization;
using Exapyte.Storage.Node;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// A time that follows the node's wall clock and never goes back, over restarts either: where the wall clock went back it
/// goes on from where it was, at half its speed, until the wall clock has come up with it. It is what a node goes by whose
/// clock nobody can contradict: what has expired stays so, and later writes bear later stamps. Thread-safe.
/// </summary>
/// <remarks>
/// Slowed down rather than stopped, as <c>adjtime</c> does it: lifetimes still end, and a clock that was ahead by mistake is
/// met again after twice that time. What was last known is kept in the data folder together with the machine's monotonic clock,
/// by which the time between two starts is known too, unless the machine was booted in between.
/// </remarks>
internal sealed class KeptTime
{
    /// <summary>The document's name.</summary>
    internal const string Document = "time";

    private readonly TimeProvider time;
    private readonly string bootId;
    private Anchor anchor;

    /// <summary>The time at a moment of the monotonic clock.</summary>
    private sealed record Anchor(long AtMs, long Timestamp);

    /// <summary>What the data folder keeps.</summary>
    /// <param name="TimeMs">The time, in Unix milliseconds.</param>
    /// <param name="SteadyMs">The monotonic clock at that time, in milliseconds.</param>
    /// <param name="BootId">The boot of the machine that the monotonic clock counts from; empty: not known.</param>
    internal sealed record Sample(long TimeMs, long SteadyMs, string BootId);

    /// <param name="time">The wall clock and the monotonic clock.</param>
    /// <param name="floorMs">The time is never before this one, in Unix milliseconds.</param>
    /// <param name="bootId">See <see cref="MachineBoot"/>.</param>
    public KeptTime(TimeProvider time, long floorMs = 0, string bootId = "")
    {
        this.time = time;
        this.bootId = bootId;
        anchor = new(Math.Max(floorMs, OwnMs), time.GetTimestamp());
    }

    private long OwnMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>The time, in Unix milliseconds.</summary>
    public long NowMs => Math.Max(OwnMs, Slowed(Volatile.Read(ref anchor)));

    /// <summary>How far the time is ahead of the wall clock, which went back, in milliseconds; 0 where it is the wall clock's.</summary>
    public long HeldMs => Math.Max(0, Slowed(Volatile.Read(ref anchor)) - OwnMs);

    /// <summary>Goes on from what a data folder remembers.</summary>
    /// <param name="folder">The node's data folder.</param>
    /// <param name="time">The wall clock and the monotonic clock.</param>
    /// <param name="stampedMs">No stamp of an earlier start is later than this, in Unix milliseconds.</param>
    /// <param name="bootId">See <see cref="MachineBoot"/>.</param>
    public static KeptTime Recover(DataFolder folder, TimeProvider time, long stampedMs, string bootId)
    {
        var floorMs = stampedMs;
        if (Read(folder) is { } kept)
        {
            var steadyMs = SteadyMsOf(time);
            var isSameBoot = bootId.Length > 0 && kept.BootId == bootId && steadyMs >= kept.SteadyMs;
            floorMs = Math.Max(floorMs, kept.TimeMs + (isSameBoot ? steadyMs - kept.SteadyMs : 0));
        }
        return new(time, floorMs, bootId);
    }

    /// <summary>
    /// Notes the wall clock, so that a step back is met from here; to be called with every tick.
    /// </summary>
    public void Observe()
    {
        var known = Volatile.Read(ref anchor);
        var own = OwnMs;
        if (own >= Slowed(known))
        {
            // Of two that note it at once either may win: both are true.
            Volatile.Write(ref anchor, new(own, time.GetTimestamp()));
        }
    }

    /// <summary>Keeps the time in the data folder; durable when it returns.</summary>
    /// <exception cref="Exapyte.Storage.Files.DiskException">What was kept before stands.</exception>
    public void Keep(DataFolder folder) =>
        folder.WriteDocument(
            Document,
            JsonSerializer.SerializeToUtf8Bytes(new(NowMs, SteadyMsOf(time), bootId), KeptTimeJson.Default.Sample)
        );

    /// <summary>The machine's monotonic clock, in milliseconds.</summary>
    private static long SteadyMsOf(TimeProvider time) => (long)time.GetElapsedTime(0).TotalMilliseconds;

    private static Sample? Read(DataFolder folder)
    {
        try
        {
            return folder.ReadDocument(Document) is { } bytes
                ? JsonSerializer.Deserialize(bytes, KeptTimeJson.Default.Sample)
                : null;
        }
        catch (Exception cause) when (cause is DataFolderException or JsonException)
        {
            // It is a precaution: a node that starts without it goes by its wall clock.
            return null;
        }
    }

    private long Slowed(Anchor known) =>
        known.AtMs + (long)(time.GetElapsedTime(known.Timestamp).TotalMilliseconds / 2);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(KeptTime.Sample))]
internal sealed partial class KeptTimeJson : JsonSerializerContext;
