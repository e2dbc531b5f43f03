using System.Buffers.Binary;
using Exapyte.Grains.Fields;
using Exapyte.Keyspaces;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Quotas;

/// <summary>
/// What one copy of a shard holds, counted as it is written, in rows of the store that change in the same batch. Keyspaces
/// without a quota count nothing. Writes come one at a time; reads from any thread.
/// </summary>
/// <remarks>
/// It counts the same on every replica of a raft shard that has applied the same entries, and so must not depend on when a
/// replica removes what has expired. Entries that end are therefore also summed up by the time of their end, rounded up to a
/// thirty-second of their lifetime: they stop counting together once that has passed, whether or not they are still there.
/// Only the rounding may count an entry that has ended, so that there are at most a few thousand sums however many entries.
/// </remarks>
internal sealed class ShardUsage
{
    private const byte EndMark = (byte)'v';
    private const int TotalBytes = 3 * sizeof(long);
    private const int EndBytes = 2 * sizeof(long);
    private const long RoundingMsMin = 64;
    private const int RoundingShift = 5;

    private readonly Lock gate = new();
    private readonly IShardStore store;
    private readonly SortedDictionary<long, Usage> byEnd = [];
    private readonly HashSet<long> changedEnds = [];
    private readonly List<(Usage Delta, long EndMs)> undoable = [];
    private Usage total;
    private long passedMs;
    private bool isCounted;
    private bool isChanged;

    /// <summary>Goes on with what the store's rows say.</summary>
    public ShardUsage(IShardStore store)
    {
        this.store = store;
        Reload();
    }

    private static ReadOnlySpan<byte> TotalKey => "u"u8;

    /// <summary>Whether it is counted.</summary>
    public bool IsCounted => Volatile.Read(ref isCounted);

    /// <summary>What is held at a time; null where nobody counts. For any thread.</summary>
    /// <param name="nowMs">The time, Unix milliseconds: what has ended by then is left out.</param>
    public Usage? At(long nowMs)
    {
        lock (gate)
        {
            if (!isCounted)
            {
                return null;
            }
            var held = total;
            foreach (var (endMs, ended) in byEnd)
            {
                if (endMs > nowMs)
                {
                    break;
                }
                held -= ended;
            }
            return held;
        }
    }

    /// <summary>Counts from now on: what is there first, where nobody did until now.</summary>
    /// <param name="nowMs">The time of the writes that follow, Unix milliseconds.</param>
    public void Begin(long nowMs)
    {
        lock (gate)
        {
            if (!isCounted)
            {
                CountAll(nowMs);
            }
            else if (nowMs > passedMs)
            {
                passedMs = nowMs;
                LeaveOutEnded();
            }
            undoable.Clear();
        }
    }

    /// <summary>Counts no longer.</summary>
    public void End(StoreBatch batch)
    {
        lock (gate)
        {
            if (!isCounted)
            {
                return;
            }
            batch.DeleteMeta(TotalKey);
            foreach (var endMs in byEnd.Keys.Union(changedEnds))
            {
                batch.DeleteMeta(KeyOf(endMs));
            }
            Forget();
        }
    }

    /// <summary>Whether one entry may take the place of another, or of none.</summary>
    /// <param name="key">The key.</param>
    /// <param name="before">What the key held, if that still counts; null where it held nothing.</param>
    /// <param name="after">What it is to hold.</param>
    /// <param name="limits">What all of the shard may hold.</param>
    public bool Fits(ReadOnlySpan<byte> key, in StoredEntry? before, in StoredEntry after, Usage limits)
    {
        var delta = SizeOf(key, after) - (before is { } held ? SizeOf(key, held) : default);
        return (delta.Entries <= 0 || total.Entries + delta.Entries <= limits.Entries)
            && (delta.Bytes <= 0 || total.Bytes + delta.Bytes <= limits.Bytes);
    }

    /// <summary>One entry takes the place of another; null stands for none.</summary>
    public void Replace(ReadOnlySpan<byte> key, in StoredEntry? before, in StoredEntry? after)
    {
        lock (gate)
        {
            if (before is { IsTombstone: false } held)
            {
                Add(default(Usage) - SizeOf(key, held), EndOf(held));
            }
            if (after is { IsTombstone: false } put)
            {
                Add(SizeOf(key, put), EndOf(put));
            }
        }
    }

    /// <summary>Takes back what was replaced since the last <see cref="Begin"/>.</summary>
    public void Undo()
    {
        lock (gate)
        {
            foreach (var (delta, endMs) in undoable)
            {
                Apply(default(Usage) - delta, endMs);
            }
            undoable.Clear();
        }
    }

    /// <summary>Adds the rows that have changed to the batch.</summary>
    public void Save(StoreBatch batch)
    {
        lock (gate)
        {
            undoable.Clear();
            if (!isCounted || !isChanged)
            {
                return;
            }
            Span<byte> row = stackalloc byte[TotalBytes];
            var writer = new SpanWriter(row);
            writer.Int64(total.Entries);
            writer.Int64(total.Bytes);
            writer.Int64(passedMs);
            batch.PutMeta(TotalKey, row);
            foreach (var endMs in changedEnds)
            {
                SaveEnd(batch, endMs);
            }
            changedEnds.Clear();
            isChanged = false;
        }
    }

    /// <summary>Goes back to what the store's rows say: a batch was not applied.</summary>
    public void Reload()
    {
        lock (gate)
        {
            Forget();
            if (store.GetMeta(TotalKey) is not { } row)
            {
                return;
            }
            var reader = new SpanReader(row);
            total = new(reader.Int64(), reader.Int64());
            passedMs = reader.Int64();
            if (!reader.AtEnd)
            {
                throw new InvalidOperationException("The shard's row of what it holds is damaged.");
            }
            store.ScanMeta(
                [EndMark],
                (key, sum) =>
                {
                    var end = new SpanReader(sum.ToArray());
                    byEnd[BinaryPrimitives.ReadInt64BigEndian(key[1..])] = new(end.Int64(), end.Int64());
                    return true;
                }
            );
            Volatile.Write(ref isCounted, true);
        }
    }

    private void CountAll(long nowMs)
    {
        Forget();
        passedMs = nowMs;
        using var scan = store.Scan(KeyRange.All, reverse: false);
        while (scan.MoveNext())
        {
            var header = scan.CurrentHeader;
            if (header.Entry.IsLive(nowMs))
            {
                Apply(new(1, scan.CurrentKey.Length + header.ValueBytes), EndOf(header.Entry));
            }
        }
        isChanged = true;
        Volatile.Write(ref isCounted, true);
    }

    private void LeaveOutEnded()
    {
        while (byEnd.Count > 0)
        {
            var (endMs, ended) = byEnd.First();
            if (endMs > passedMs)
            {
                return;
            }
            Apply(default(Usage) - ended, endMs);
        }
    }

    private void Add(Usage delta, long endMs)
    {
        if (endMs != 0 && endMs <= passedMs)
        {
            // It stopped counting with the others of its time, or never began.
            return;
        }
        undoable.Add((delta, endMs));
        Apply(delta, endMs);
    }

    private void Apply(Usage delta, long endMs)
    {
        total += delta;
        isChanged = true;
        if (endMs == 0)
        {
            return;
        }
        var sum = byEnd.GetValueOrDefault(endMs) + delta;
        if (sum == default)
        {
            byEnd.Remove(endMs);
        }
        else
        {
            byEnd[endMs] = sum;
        }
        changedEnds.Add(endMs);
    }

    private void SaveEnd(StoreBatch batch, long endMs)
    {
        if (!byEnd.TryGetValue(endMs, out var sum))
        {
            batch.DeleteMeta(KeyOf(endMs));
            return;
        }
        Span<byte> row = stackalloc byte[EndBytes];
        var writer = new SpanWriter(row);
        writer.Int64(sum.Entries);
        writer.Int64(sum.Bytes);
        batch.PutMeta(KeyOf(endMs), row);
    }

    private void Forget()
    {
        Volatile.Write(ref isCounted, false);
        (total, passedMs, isChanged) = (default, 0, false);
        byEnd.Clear();
        changedEnds.Clear();
        undoable.Clear();
    }

    private static Usage SizeOf(ReadOnlySpan<byte> key, in StoredEntry entry) =>
        new(1, key.Length + entry.Value.Length);

    /// <summary>When an entry stops counting, Unix milliseconds; 0: it stays.</summary>
    private static long EndOf(in StoredEntry entry)
    {
        if (entry.ExpiresMs == 0)
        {
            return 0;
        }
        var lifetimeMs = Math.Max(1, entry.ExpiresMs - entry.ModifiedMs);
        var rounding = Math.Max(RoundingMsMin, 1L << Math.Max(0, (int)long.Log2(lifetimeMs) - RoundingShift));
        return (entry.ExpiresMs + rounding - 1) / rounding * rounding;
    }

    private static byte[] KeyOf(long endMs)
    {
        var key = new byte[1 + sizeof(long)];
        key[0] = EndMark;
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), endMs);
        return key;
    }
}
