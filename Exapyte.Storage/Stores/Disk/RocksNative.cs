using System.Runtime.InteropServices;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// The part of RocksDB's C interface (<c>include/rocksdb/c.h</c>) that this store uses, bound to the native library in
/// the <c>RocksDB</c> package.
/// </summary>
/// <remarks>
/// Bound here rather than through the package's managed layer: that one emits a type for the whole interface at its
/// first use, which was most of the start-up time, and copies keys and values once more than needed. Calls that only
/// read a field skip the transition of the garbage collector; whatever can block or run long does not.
/// </remarks>
internal static unsafe partial class RocksNative
{
    const string Library = "rocksdb";

    public const int ReadTierPersisted = 2;
    public const int CompressionLz4 = 4;
    public const int CompressionZstd = 7;
    public const int InfoLogLevelWarn = 2;
    public const byte SizeOfMemtables = 1;
    public const byte SizeOfFiles = 2;

    [LibraryImport(Library, EntryPoint = "rocksdb_free")]
    public static partial void Free(void* memory);

    [LibraryImport(Library, EntryPoint = "rocksdb_open")]
    public static partial nint Open(nint options, byte* folder, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_open_for_read_only")]
    public static partial nint OpenForReadOnly(nint options, byte* folder, byte failIfLogExists, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_close")]
    public static partial void Close(nint db);

    [LibraryImport(Library, EntryPoint = "rocksdb_disable_manual_compaction")]
    public static partial void DisableManualCompaction(nint db);

    [LibraryImport(Library, EntryPoint = "rocksdb_write")]
    public static partial void Write(nint db, nint writeOptions, nint batch, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_create_from")]
    public static partial nint WriteBatchCreateFrom(byte* representation, nuint length);

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_create")]
    public static partial nint WriteBatchCreate();

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_delete_range")]
    public static partial void WriteBatchDeleteRange(
        nint batch,
        byte* start,
        nuint startLength,
        byte* end,
        nuint endLength
    );

    [LibraryImport(Library, EntryPoint = "rocksdb_writebatch_destroy")]
    public static partial void WriteBatchDestroy(nint batch);

    [LibraryImport(Library, EntryPoint = "rocksdb_delete_file_in_range")]
    public static partial void DeleteFilesInRange(
        nint db,
        byte* start,
        nuint startLength,
        byte* end,
        nuint endLength,
        byte** error
    );

    [LibraryImport(Library, EntryPoint = "rocksdb_get_pinned")]
    public static partial nint GetPinned(nint db, nint readOptions, byte* key, nuint keyLength, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_value")]
    [SuppressGCTransition]
    public static partial byte* PinnableSliceValue(nint slice, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_pinnableslice_destroy")]
    public static partial void PinnableSliceDestroy(nint slice);

    [LibraryImport(Library, EntryPoint = "rocksdb_flush")]
    public static partial void Flush(nint db, nint flushOptions, byte** error);

    [LibraryImport(Library, EntryPoint = "rocksdb_compact_range_opt")]
    public static partial void CompactRange(
        nint db,
        nint compactOptions,
        byte* start,
        nuint startLength,
        byte* end,
        nuint endLength
    );

    [LibraryImport(Library, EntryPoint = "rocksdb_property_int", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int PropertyInt(nint db, string name, ulong* value);

    [LibraryImport(Library, EntryPoint = "rocksdb_approximate_sizes_cf_with_flags")]
    public static partial void ApproximateSizes(
        nint db,
        nint columnFamily,
        int ranges,
        byte** starts,
        nuint* startLengths,
        byte** ends,
        nuint* endLengths,
        byte flags,
        ulong* sizes,
        byte** error
    );

    [LibraryImport(Library, EntryPoint = "rocksdb_get_default_column_family_handle")]
    public static partial nint DefaultColumnFamily(nint db);

    [LibraryImport(Library, EntryPoint = "rocksdb_column_family_handle_destroy")]
    public static partial void ColumnFamilyDestroy(nint columnFamily);

    [LibraryImport(Library, EntryPoint = "rocksdb_create_iterator")]
    public static partial nint IteratorCreate(nint db, nint readOptions);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_destroy")]
    public static partial void IteratorDestroy(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_valid")]
    [SuppressGCTransition]
    public static partial byte IteratorValid(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_to_first")]
    public static partial void IteratorSeekToFirst(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_to_last")]
    public static partial void IteratorSeekToLast(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek")]
    public static partial void IteratorSeek(nint iterator, byte* key, nuint keyLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_seek_for_prev")]
    public static partial void IteratorSeekForPrevious(nint iterator, byte* key, nuint keyLength);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_next")]
    public static partial void IteratorNext(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_prev")]
    public static partial void IteratorPrevious(nint iterator);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_key")]
    [SuppressGCTransition]
    public static partial byte* IteratorKey(nint iterator, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_value")]
    [SuppressGCTransition]
    public static partial byte* IteratorValue(nint iterator, nuint* length);

    [LibraryImport(Library, EntryPoint = "rocksdb_iter_get_error")]
    public static partial void IteratorError(nint iterator, byte** error);
}
