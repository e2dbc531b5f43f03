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
/// Two rows a request: <c>r + id</c> holds the outcome, <c>t + stamp + id</c> orders them by age. Each command evicts at
/// most <see cref="EvictionsMax"/>, so that a burst of expiries never stalls one write.
/// </remarks>
internal sealed class RequestLog(IShardStore store)
{
    private const int EvictionsMax = 8;
    private const int RowBytes = sizeof(ulong) + 1 + sizeof(ulong) + sizeof(ulong) + 1;

    private static ReadOnlySpan<byte> AgePrefix => "t"u8;

    private readonly Dictionary<string, Remembered> pending = new(StringComparer.Ordinal);
    private long oldestStampMs = long.MinValue;
    private long pendingStampMs;

    private readonly record struct Remembered(ulong BodyHash, AppliedWrite Write);

    /// <summary>The outcome of an earlier write with this id; <see cref="OutcomeKind.RequestIdReused"/> if its body differed.</summary>
    public bool TryRecall(in CommandWrite write, ulong bodyHash, out AppliedWrite earlier)
    {
        var id = write.RequestId!;
        if (!pending.TryGetValue(id, out var remembered) && !TryRead(id, out remembered))
        {
            earlier = default;
            return false;
        }
        earlier = remembered.BodyHash == bodyHash ? remembered.Write : new(OutcomeKind.RequestIdReused, default, false);
        return true;
    }

    /// <summary>Remembers an outcome in the batch that applies the write.</summary>
    public void Remember(StoreBatch batch, string id, ulong bodyHash, long stampMs, in AppliedWrite write)
    {
        Span<byte> row = stackalloc byte[RowBytes];
        var writer = new SpanWriter(row);
        writer.UInt64(bodyHash);
        writer.Byte((byte)write.Kind);
        writer.UInt64(write.Version.Revision);
        writer.UInt64(write.Version.Origin);
        writer.Byte(write.Changed ? (byte)1 : (byte)0);
        batch.PutMeta(OutcomeKey(id), row);
        batch.PutMeta(AgeKey(stampMs, id), []);
        pending[id] = new(bodyHash, write);
        pendingStampMs = stampMs;
        if (oldestStampMs == long.MaxValue)
        {
            oldestStampMs = stampMs;
        }
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
            (key, _) =>
            {
                var stampMs = BinaryPrimitives.ReadInt64BigEndian(key[1..]);
                if (stampMs >= beforeMs || evicted == EvictionsMax)
                {
                    oldest = stampMs;
                    return false;
                }
                batch.DeleteMeta(key);
                batch.DeleteMeta(OutcomeKey(Encoding.UTF8.GetString(key[(1 + sizeof(long))..])));
                evicted++;
                return true;
            }
        );
        // What this very command remembers is not in the store yet, but it is what will be the oldest there.
        oldestStampMs = pending.Count > 0 ? Math.Min(oldest, pendingStampMs) : oldest;
    }

    /// <summary>The batch with everything remembered in it has been applied, or dropped.</summary>
    public void BatchDone() => pending.Clear();

    /// <summary>The batch was not applied although it evicted: what it would have evicted is looked for again.</summary>
    public void BatchFailed() => oldestStampMs = long.MinValue;

    /// <summary>The hash that tells one body from another: kind, key, content type, lifetime and value.</summary>
    public static ulong BodyHashOf(in CommandWrite write)
    {
        var hash = new XxHash3();
        Span<byte> head = stackalloc byte[1 + sizeof(long) + sizeof(int)];
        head[0] = (byte)write.Kind;
        BinaryPrimitives.WriteInt64LittleEndian(head[1..], write.TtlMs);
        BinaryPrimitives.WriteInt32LittleEndian(head[(1 + sizeof(long))..], write.Key.Length);
        hash.Append(head);
        hash.Append(write.Key.Span);
        hash.Append(System.Runtime.InteropServices.MemoryMarshal.AsBytes(write.ContentType.AsSpan()));
        hash.Append(write.Value.Span);
        return hash.GetCurrentHashAsUInt64();
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
