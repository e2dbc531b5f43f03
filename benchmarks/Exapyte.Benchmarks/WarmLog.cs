using Exapyte.Storage.Files;
using Exapyte.Storage.Log;

namespace Exapyte.Benchmarks;

/// <summary>
/// A node log in the state in which a node lives: one group, compacted as it grows, and every segment a recycled file.
/// For one caller at a time.
/// </summary>
internal sealed class WarmLog : IDisposable
{
    /// <summary>Bytes of an entry's payload.</summary>
    public const int PayloadBytes = 256;

    /// <summary>Entries between two compactions; some 20 MB of log.</summary>
    private const ulong CompactEvery = 65_536;

    private const int SegmentsBefore = 4;
    private const int EntriesBefore = 512;
    private static readonly GroupId Group = new(1);

    private readonly NodeLog log;
    private readonly Landing landing = new();
    private readonly GroupAppend[] appends;
    private readonly byte[] payload = new byte[PayloadBytes];
    private ulong last;
    private ulong compactAt = CompactEvery;
    private int next;
    private int underWay;

    /// <summary>Opens a log and fills it until its segments are recycled.</summary>
    /// <param name="folder">The folder to make it in.</param>
    /// <param name="name">Its own folder in there, which does not exist.</param>
    /// <param name="inFlightMax">Appends that may be under way at one time.</param>
    public WarmLog(string folder, string name = "log", int inFlightMax = 1)
    {
        log = NodeLog.Open(Path.Combine(folder, name), new(), PosixFiles.Instance, out _);
        appends = new GroupAppend[inFlightMax];
        for (var i = 0; i < inFlightMax; i++)
        {
            appends[i] = new GroupAppend();
        }
        Random.Shared.NextBytes(payload);
        log.SetDescriptor(Group, new byte[16], landing);
        landing.Wait();
        while (log.Statistics.SegmentsReleased < SegmentsBefore)
        {
            Append(EntriesBefore);
        }
    }

    /// <summary>What the log writes for a batch of so many entries, header and padding included.</summary>
    public int BatchBytes(int entries)
    {
        var before = log.Statistics.BytesWritten;
        Append(entries);
        return (int)(log.Statistics.BytesWritten - before);
    }

    /// <summary>Appends entries as one batch and waits until they are durable.</summary>
    public void Append(int entries)
    {
        Submit(entries);
        landing.Wait();
    }

    /// <summary>
    /// Submits so many single entries, each as soon as an earlier one is durable. So many are under way when it returns;
    /// <see cref="Append"/> must not follow.
    /// </summary>
    public void Flow(int appendsSubmitted)
    {
        for (var i = 0; i < appendsSubmitted; i++)
        {
            if (underWay == appends.Length)
            {
                landing.Wait();
                underWay--;
            }
            Submit(1);
            underWay++;
        }
    }

    private void Submit(int entries)
    {
        var append = appends[next];
        next = (next + 1) % appends.Length;
        append.Clear();
        append.Group = Group;
        append.Completion = landing;
        for (var i = 0; i < entries; i++)
        {
            append.Entries.Add(new(1, ++last, 0, payload));
        }
        log.Append(append);
        if (last >= compactAt)
        {
            // What is compacted is durable: at most as many appends are under way as there are.
            log.Compact(Group, last - (ulong)(entries * appends.Length), 1);
            compactAt = last + CompactEvery;
        }
    }

    /// <inheritdoc/>
    public void Dispose() => log.Dispose();
}
