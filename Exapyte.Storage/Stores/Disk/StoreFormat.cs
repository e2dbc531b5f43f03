using System.Buffers.Binary;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// The format of a store, in a row of its own. Format 1 had no such row; its prefixes are migrated when they are opened
/// (<see cref="StoreMigration"/>). A store of a later version is refused.
/// </summary>
internal static class StoreFormat
{
    /// <summary>What this version writes.</summary>
    public const int Current = 2;

    static readonly byte[] _key = RowKey.BuildMeta(RowKey.StorePrefix, 0, "format"u8);

    /// <summary>Refuses a store of a later version, and marks one that has no mark.</summary>
    /// <exception cref="StoreFormatException">A later version wrote it.</exception>
    public static void Require(RocksEngine engine)
    {
        using (PinnedRow row = engine.Get(_key))
        {
            if (row.IsFound)
            {
                if (
                    !ChecksummedRow.TryRead(row.Value, _key.AsSpan(RowKey.HeadBytes), out ReadOnlySpan<byte> value)
                    || value.Length != sizeof(int)
                )
                    throw new StoreDamagedException($"The format of the store {engine.Folder} cannot be read.");
                int format = BinaryPrimitives.ReadInt32LittleEndian(value);
                if (format > Current)
                    throw new StoreFormatException(
                        $"The store {engine.Folder} has format {format}, and this version reads formats up to {Current}. Start "
                            + "the version that wrote it, or a later one; to move to this one, take a backup of each keyspace "
                            + "there (POST K/backups) and restore it into a node with an empty data folder (POST /v1/restores)."
                    );
                return;
            }
        }
        try
        {
            Mark(engine, Current);
        }
        catch (StoreFailedException)
        {
            // It is for later versions to read: a full disk, or a store that takes no writes, opens all the same.
        }
    }

    /// <summary>Writes the mark.</summary>
    public static void Mark(RocksEngine engine, int format)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(value, format);
        byte[] row = new byte[ChecksummedRow.HeadBytes + value.Length];
        ChecksummedRow.Write(row, _key.AsSpan(RowKey.HeadBytes), value);
        var batch = new RowBatch(engine);
        batch.Put(_key, row);
        batch.Write();
    }
}
