using System.Runtime.InteropServices;
using Exapyte.Storage.Files;

namespace Exapyte.Storage.Log;

/// <summary>
/// One segment file. The writer counts which groups have live entries here; a segment without any may be released.
/// Only <see cref="AddReader"/>, <see cref="RemoveReader"/> and <see cref="End"/> and reads of the file are for other threads.
/// </summary>
sealed class Segment(uint number, string name, IFile file, ulong logId, long start) : IDisposable
{
    readonly Dictionary<GroupId, LiveEntries> _live = [];
    long _end = LogFormat.DataOffset;
    int _readers;

    public uint Number { get; } = number;
    public string Name { get; } = name;
    public IFile File { get; } = file;
    public uint Seed { get; } = LogChecksum.Seed(logId, number);

    /// <summary>Place of the segment's first byte in the node's endless log; see <see cref="TailCache"/>.</summary>
    public long Start { get; } = start;

    /// <summary>Where the next batch goes; where the last one ended once sealed.</summary>
    public long End
    {
        get => Volatile.Read(ref _end);
        set => Volatile.Write(ref _end, value);
    }

    /// <summary>Bytes allocated and zeroed (or recycled) so far.</summary>
    public long FilledBytes { get; set; }

    /// <summary>Whether its first batch, which holds the checkpoint, is durable.</summary>
    public bool HasCheckpoint { get; set; }

    /// <summary>Whole batches found when it was recovered.</summary>
    public long Batches { get; set; }

    public long LiveBytes { get; private set; }

    public IReadOnlyDictionary<GroupId, LiveEntries> Live => _live;

    public bool HasReaders => Volatile.Read(ref _readers) > 0;

    public void AddReader() => Interlocked.Increment(ref _readers);

    public void RemoveReader() => Interlocked.Decrement(ref _readers);

    public void AddLive(GroupId group, int entries, long bytes)
    {
        if (entries == 0)
            return;
        ref var live = ref CollectionsMarshal.GetValueRefOrAddDefault(_live, group, out _);
        live = new LiveEntries(live.Count + entries, live.Bytes + bytes);
        LiveBytes += bytes;
    }

    public void RemoveLive(GroupId group, int entries, long bytes)
    {
        if (entries == 0)
            return;
        var left = new LiveEntries(_live[group].Count - entries, _live[group].Bytes - bytes);
        if (left.Count < 0 || left.Bytes < 0)
            throw new InvalidOperationException($"segment {Number} counts less than nothing for group {group}");
        if (left.Count == 0)
            _live.Remove(group);
        else
            _live[group] = left;
        LiveBytes -= bytes;
    }

    public void Dispose() => File.Dispose();
}

/// <summary>How much of a group is live in a segment.</summary>
readonly record struct LiveEntries(int Count, long Bytes);
