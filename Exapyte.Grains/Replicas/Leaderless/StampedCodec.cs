using Exapyte.Grains.Fields;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Stamped entries as the node log keeps them, and as the store does.</summary>
internal static class StampedCodec
{
    private const byte Format = 1;
    private const byte TombstoneFlag = 1;
    private const byte OverrulesFlag = 2;
    private const int EntryBytesMin = 1 + (4 * sizeof(long)) + (3 * sizeof(int));

    /// <summary>Encodes entries into one log payload.</summary>
    public static byte[] Encode(ReadOnlySpan<StampedEntry> entries)
    {
        var bytes = 1 + sizeof(int);
        foreach (var entry in entries)
        {
            bytes +=
                1
                + (4 * sizeof(long))
                + sizeof(int)
                + entry.Key.Length
                + SpanWriter.TextBytes(entry.ContentType)
                + sizeof(int)
                + entry.Value.Length;
        }
        var buffer = GC.AllocateUninitializedArray<byte>(bytes);
        var writer = new SpanWriter(buffer);
        writer.Byte(Format);
        writer.Int32(entries.Length);
        foreach (var entry in entries)
        {
            writer.Byte((byte)((entry.Tombstone ? TombstoneFlag : 0) | (entry.Overrules ? OverrulesFlag : 0)));
            writer.UInt64(entry.Version.Revision);
            writer.UInt64(entry.Version.Origin);
            writer.Int64(entry.ModifiedMs);
            writer.Int64(entry.ExpiresMs);
            writer.Bytes(entry.Key.Span);
            writer.Text(entry.ContentType);
            writer.Bytes(entry.Value.Span);
        }
        return buffer;
    }

    /// <summary>Decodes a log payload; keys and values are slices of it. Null where it is not one.</summary>
    public static StampedEntry[]? Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new SpanReader(payload);
        if (reader.Byte() != Format)
        {
            return null;
        }
        var entries = new StampedEntry[reader.Count(EntryBytesMin)];
        for (var i = 0; i < entries.Length; i++)
        {
            var flags = reader.Byte();
            if ((flags & ~(TombstoneFlag | OverrulesFlag)) != 0)
            {
                return null;
            }
            var version = new VersionStamp(reader.UInt64(), reader.UInt64());
            var modifiedMs = reader.Int64();
            var expiresMs = reader.Int64();
            entries[i] = new()
            {
                Tombstone = (flags & TombstoneFlag) != 0,
                Overrules = (flags & OverrulesFlag) != 0,
                Version = version,
                ModifiedMs = modifiedMs,
                ExpiresMs = expiresMs,
                Key = reader.Bytes(),
                ContentType = reader.Text(),
                Value = reader.Bytes(),
            };
        }
        return reader.AtEnd ? entries : null;
    }

    /// <summary>An entry as the store holds it.</summary>
    public static StoredEntry ToStored(StampedEntry entry) =>
        new(
            new(entry.Version.Revision, entry.Version.Origin),
            entry.ModifiedMs,
            entry.ExpiresMs,
            entry.Tombstone ? EntryFlags.Tombstone : EntryFlags.None,
            entry.ContentType,
            entry.Value
        );

    /// <summary>An entry of the store as replicas exchange it.</summary>
    public static StampedEntry FromStored(ReadOnlyMemory<byte> key, in StoredEntry entry) =>
        new()
        {
            Key = key,
            Version = new(entry.Version.Revision, entry.Version.Origin),
            Tombstone = entry.IsTombstone,
            Value = entry.Value,
            ContentType = entry.ContentType,
            ModifiedMs = entry.ModifiedMs,
            ExpiresMs = entry.ExpiresMs,
        };

    /// <summary>What a replica that holds nothing answers for the key.</summary>
    public static StampedEntry Absent(ReadOnlyMemory<byte> key) => new() { Key = key, Version = VersionStamp.None };
}
