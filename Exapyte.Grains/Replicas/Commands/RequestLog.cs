using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using Exapyte.Grains.Fields;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// The request ids that a shard remembers, each with its outcome and the hash of its body, so that a retried write
/// applies once. Part of the replicated state: rows of metadata, written in the batch of the write itself and evicted by
/// log time in an order that is the same on every replica.
/// </summary>
/// <remarks>
/// Two rows for each: one holds the outcome, the other, <c>t + stamp + ..</c>, orders them by age. Requests that are known as a
/// whole have rows of <see cref="NamedRequests"/>, which the age row names behind a zero byte; a write of a version that told
/// its id only has <c>r + id</c>, with the hash of its own body. Each command evicts at most <see cref="EvictionsMax"/>, so that
/// a burst of expiries never stalls one write.
/// </remarks>
internal sealed class RequestLog
{
    private const int EvictionsMax = 8;

    /// <summary>Tells a moment from a lifetime of as many milliseconds in the hash of a body.</summary>
    private const byte MomentBit = 0x80;

    private const int RowBytes = sizeof(ulong) + 1 + sizeof(ulong) + sizeof(ulong) + 1;

    /// <summary>With the hash of the key, which versions before did not write.</summary>
    private const int HashedRowBytes = RowBytes + sizeof(ulong);

    private static ReadOnlySpan<byte> AgePrefix => "t"u8;

    /// <summary>The value of an age row that ends with the name of the row that it dates.</summary>
    private static ReadOnlySpan<byte> NamedAge => [1];

    private readonly IShardStore store;
    private readonly Dictionary<string, Remembered> pending = new(StringComparer.Ordinal);
    private readonly Dictionary<string, RequestRow> pendingRows = new(StringComparer.Ordinal);
    private bool mayHoldUnnamed;
    private long oldestStampMs = long.MinValue;
    private long pendingStampMs;

    public RequestLog(IShardStore store)
    {
        this.store = store;
        store.ScanMeta(
            "r"u8,
            (_, _) =>
            {
                mayHoldUnnamed = true;
                return false;
            }
        );
    }

    private readonly record struct Remembered(ulong BodyHash, AppliedWrite Write);

    /// <summary>The outcome of an earlier write with this id; <see cref="OutcomeKind.RequestIdReused"/> if its body differed.</summary>
    public bool TryRecall(in CommandWrite write, string id, out AppliedWrite earlier)
    {
        if (!mayHoldUnnamed || (!pending.TryGetValue(id, out var remembered) && !TryRead(id, out remembered)))
        {
            earlier = default;
            return false;
        }
        earlier =
            remembered.BodyHash == BodyHashOf(write)
                ? remembered.Write
                : new(OutcomeKind.RequestIdReused, default, false);
        return true;
    }

    /// <summary>Remembers an outcome in the batch that applies the write.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="id">The request's id.</param>
    /// <param name="bodyHash">The hash of its body.</param>
    /// <param name="keyHashes">The hash of its key, or nothing: see <see cref="RequestRow.KeyHashes"/>.</param>
    /// <param name="stampMs">Log time, Unix milliseconds.</param>
    /// <param name="write">What became of it.</param>
    public void Remember(
        StoreBatch batch,
        string id,
        ulong bodyHash,
        ulong[] keyHashes,
        long stampMs,
        in AppliedWrite write
    )
    {
        mayHoldUnnamed = true;
        Span<byte> row = stackalloc byte[keyHashes.Length == 0 ? RowBytes : HashedRowBytes];
        var writer = new SpanWriter(row);
        writer.UInt64(bodyHash);
        writer.Byte((byte)write.Kind);
        writer.UInt64(write.Version.Revision);
        writer.UInt64(write.Version.Origin);
        writer.Byte(write.Changed ? (byte)1 : (byte)0);
        if (keyHashes.Length > 0)
        {
            writer.UInt64(keyHashes[0]);
        }
        batch.PutMeta(OutcomeKey(id), row);
        batch.PutMeta(AgeKey(stampMs, id), []);
        // As it will be read: the row has no room for the end of an entry.
        pending[id] = new(bodyHash, write with { ExpiresMs = 0, Number = null });
        Dated(stampMs);
    }

    /// <summary>The row of this name; null where there is none (any more).</summary>
    public RequestRow? Find(string name) =>
        pendingRows.TryGetValue(name, out var row) ? row
        : store.GetMeta(Encoding.UTF8.GetBytes(name)) is { } bytes
            ? RequestRow.Decode(bytes)
                ?? throw new InvalidOperationException($"The row of request '{name}' is damaged.")
        : null;

    /// <summary>Remembers a row in the batch that applies what it says.</summary>
    public void Put(StoreBatch batch, string name, long stampMs, RequestRow row)
    {
        batch.PutMeta(Encoding.UTF8.GetBytes(name), row.Encode());
        batch.PutMeta(AgeKey(stampMs, "\0" + name), NamedAge);
        pendingRows[name] = row;
        Dated(stampMs);
    }

    /// <summary>Forgets the oldest ids that were stamped before <paramref name="beforeMs"/>.</summary>
    public void Evict(StoreBatch batch, long beforeMs)
    {
        if (oldestStampMs >= beforeMs)
        {
            return;
        }
        var evicted = 0;
        var oldest = long.MaxValue;
        store.ScanMeta(
            AgePrefix,
            (key, mark) =>
            {
                var stampMs = BinaryPrimitives.ReadInt64BigEndian(key[1..]);
                if (stampMs >= beforeMs || evicted == EvictionsMax)
                {
                    oldest = stampMs;
                    return false;
                }
                batch.DeleteMeta(key);
                var of = key[(1 + sizeof(long))..];
                batch.DeleteMeta(mark.IsEmpty ? OutcomeKey(Encoding.UTF8.GetString(of)) : of[1..]);
                evicted++;
                return true;
            }
        );
        // What this very command remembers is not in the store yet, but it is what will be the oldest there.
        oldestStampMs = pending.Count + pendingRows.Count > 0 ? Math.Min(oldest, pendingStampMs) : oldest;
    }

    /// <summary>The batch with everything remembered in it has been applied, or dropped.</summary>
    public void BatchDone()
    {
        pending.Clear();
        pendingRows.Clear();
    }

    /// <summary>The batch was not applied although it evicted: what it would have evicted is looked for again.</summary>
    public void BatchFailed() => oldestStampMs = long.MinValue;

    /// <summary>The hash that tells one body from another: kind, key, content type, lifetime and value.</summary>
    public static ulong BodyHashOf(in CommandWrite write)
    {
        var hash = new XxHash3();
        Span<byte> head = stackalloc byte[1 + sizeof(long) + sizeof(int)];
        head[0] = (byte)((byte)write.Kind | (write.ExpiresAtMs == 0 ? 0 : MomentBit));
        BinaryPrimitives.WriteInt64LittleEndian(head[1..], write.ExpiresAtMs == 0 ? write.TtlMs : write.ExpiresAtMs);
        BinaryPrimitives.WriteInt32LittleEndian(head[(1 + sizeof(long))..], write.Key.Length);
        hash.Append(head);
        hash.Append(write.Key.Span);
        hash.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(write.ContentType.AsSpan()));
        hash.Append(write.Value.Span);
        return hash.GetCurrentHashAsUInt64();
    }

    private void Dated(long stampMs)
    {
        pendingStampMs = stampMs;
        if (oldestStampMs == long.MaxValue)
        {
            oldestStampMs = stampMs;
        }
    }

    private bool TryRead(string id, out Remembered remembered)
    {
        remembered = default;
        if (store.GetMeta(OutcomeKey(id)) is not { } row)
        {
            return false;
        }
        var reader = new SpanReader(row);
        var bodyHash = reader.UInt64();
        var kind = (OutcomeKind)reader.Byte();
        var version = new VersionStamp(reader.UInt64(), reader.UInt64());
        remembered = new(bodyHash, new(kind, version, reader.Byte() != 0));
        if (row.Length == HashedRowBytes)
        {
            _ = reader.UInt64();
        }
        return reader.AtEnd ? true : throw new InvalidOperationException($"The row of request id '{id}' is damaged.");
    }

    private static byte[] OutcomeKey(string id) => [(byte)'r', .. Encoding.UTF8.GetBytes(id)];

    private static byte[] AgeKey(long stampMs, string id)
    {
        var idBytes = Encoding.UTF8.GetBytes(id);
        var key = new byte[1 + sizeof(long) + idBytes.Length];
        key[0] = AgePrefix[0];
        BinaryPrimitives.WriteInt64BigEndian(key.AsSpan(1), stampMs);
        idBytes.CopyTo(key, 1 + sizeof(long));
        return key;
    }
}
