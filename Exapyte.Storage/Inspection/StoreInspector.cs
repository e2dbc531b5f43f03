using System.Buffers.Binary;
using Exapyte.Storage.Stores;
using Exapyte.Storage.Stores.Disk;

namespace Exapyte.Storage.Inspection;

/// <summary>Reads a state store from end to end without changing it: every block and every row must verify.</summary>
sealed class StoreInspector(List<InspectedDamage> damage) : IDisposable
{
    const string StoreName = "store";

    RocksEngine? _engine;

    /// <summary>Opens the store; one that has never been written to has nothing to tell.</summary>
    public void Open(string folder)
    {
        if (!File.Exists(Path.Combine(folder, "CURRENT")))
            return;
        try
        {
            _engine = RocksEngine.OpenReadOnly(folder, new DiskStoreOptions());
        }
        catch (StoreFailedException failure)
        {
            damage.Add(new InspectedDamage(StoreName, null, failure.Message));
        }
    }

    /// <summary>Reads all rows under a prefix.</summary>
    public (ulong? AppliedIndex, long Rows) Inspect(ulong prefix)
    {
        if (_engine is null)
            return (null, 0);
        long rows = 0;
        ulong? applied = 0;
        try
        {
            using var iterator = _engine.OpenIterator(RowKey.ShardStart(prefix), RowKey.ShardEnd(prefix));
            var key = new byte[64];
            for (int length; (length = iterator.Move(reverse: false, ref key)) >= 0; )
            {
                var space = (RowSpace)key[RowKey.PrefixBytes];
                var row = new Row(space, key.AsSpan(RowKey.HeadBytes, length - RowKey.HeadBytes));
                var (reason, index) = iterator.Read(row, static (value, row) => row.Check(value));
                rows += space == RowSpace.Entry ? 1 : 0;
                applied = index ?? applied;
                if (reason is not null)
                    damage.Add(
                        new InspectedDamage(StoreName, null, $"{space} 0x{Convert.ToHexString(row.Key)}: {reason}")
                    );
            }
        }
        catch (StoreFailedException failure)
        {
            damage.Add(new InspectedDamage(StoreName, null, failure.Message));
            applied = null;
        }
        return (applied, rows);
    }

    public void Dispose() => _engine?.Dispose();

    readonly ref struct Row(RowSpace space, ReadOnlySpan<byte> key)
    {
        public ReadOnlySpan<byte> Key { get; } = key;

        /// <summary>What is wrong with the row, and the applied index where it is the row of that.</summary>
        public (string? Reason, ulong? AppliedIndex) Check(ReadOnlySpan<byte> value)
        {
            if (RowCopier.FindDamage(space, Key, value) is { } found)
                return (found, null);
            return !RowKey.IsAppliedIndex(space, Key) ? (null, null)
                : ChecksummedRow.TryRead(value, Key, out var meta) && meta.Length == sizeof(ulong)
                    ? (null, BinaryPrimitives.ReadUInt64LittleEndian(meta))
                : ("the applied index makes no sense though the checksum holds", null);
        }
    }
}
