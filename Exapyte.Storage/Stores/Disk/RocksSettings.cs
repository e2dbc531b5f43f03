using static Exapyte.Storage.Stores.Disk.RocksNative;

namespace Exapyte.Storage.Stores.Disk;

/// <summary>
/// The native option objects of one database: made before it opens, freed after it is closed. RocksDB keeps pointers
/// into some of them, so they live exactly as long as the database may.
/// </summary>
internal sealed class RocksSettings : IDisposable
{
    const int BloomBitsPerKey = 10;
    const int BlockBytes = 8 * 1024;
    const int OpeningThreads = 2;
    const int InfoLogFiles = 4;
    const int InfoLogBytesMax = 1024 * 1024;
    const int BytesPerSync = 1024 * 1024;

    readonly nint _tableOptions;

    public RocksSettings(DiskStoreOptions options)
    {
        Cache = CacheCreateLru((nuint)options.BlockCacheBytes);
        _tableOptions = CreateTableOptions(Cache);
        Database = CreateDatabaseOptions(options, _tableOptions);
        Write = WriteOptionsCreate();
        WriteOptionsDisableWal(Write, 1);
        Read = ReadOptionsCreate();
        ReadPersisted = ReadOptionsCreate();
        ReadOptionsSetReadTier(ReadPersisted, ReadTierPersisted);
        Flush = FlushOptionsCreate();
        FlushOptionsSetWait(Flush, 1);
        Compact = CompactOptionsCreate();
        CompactOptionsSetExclusive(Compact, 0);
    }

    public nint Cache { get; }
    public nint Database { get; }
    public nint Write { get; }
    public nint Read { get; }
    public nint ReadPersisted { get; }
    public nint Flush { get; }
    public nint Compact { get; }

    public void Dispose()
    {
        CompactOptionsDestroy(Compact);
        FlushOptionsDestroy(Flush);
        ReadOptionsDestroy(ReadPersisted);
        ReadOptionsDestroy(Read);
        WriteOptionsDestroy(Write);
        OptionsDestroy(Database);
        TableOptionsDestroy(_tableOptions);
        CacheDestroy(Cache);
    }

    /// <summary>Index and filter blocks go through the cache, so that its size bounds them too.</summary>
    static nint CreateTableOptions(nint cache)
    {
        nint tableOptions = TableOptionsCreate();
        TableOptionsSetBlockSize(tableOptions, BlockBytes);
        TableOptionsSetBlockCache(tableOptions, cache);
        TableOptionsSetFilterPolicy(tableOptions, BloomFilterCreate(BloomBitsPerKey));
        TableOptionsSetCacheIndexAndFilterBlocks(tableOptions, 1);
        TableOptionsSetCacheIndexWithHighPriority(tableOptions, 1);
        TableOptionsSetPinL0IndexAndFilter(tableOptions, 1);
        return tableOptions;
    }

    /// <summary>
    /// LZ4 where data is rewritten often, ZSTD on the last level, where nine tenths of it lie. No statistics, and an
    /// information log of warnings only.
    /// </summary>
    static nint CreateDatabaseOptions(DiskStoreOptions options, nint tableOptions)
    {
        nint database = OptionsCreate();
        OptionsSetCreateIfMissing(database, 1);
        OptionsSetTableFactory(database, tableOptions);
        OptionsSetWriteBufferSize(database, (nuint)options.WriteBufferBytes);
        OptionsSetMaxWriteBufferNumber(database, DiskStoreOptions.WriteBuffers);
        OptionsSetMaxBackgroundJobs(database, Math.Clamp(Environment.ProcessorCount, 2, 4));
        OptionsSetMaxOpenFiles(database, options.OpenFilesMax);
        OptionsSetMaxFileOpeningThreads(database, OpeningThreads);
        OptionsSetSkipStatsUpdateOnOpen(database, 1);
        OptionsSetStatsDumpPeriod(database, 0);
        OptionsSetStatsPersistPeriod(database, 0);
        OptionsSetInfoLogLevel(database, InfoLogLevelWarn);
        OptionsSetKeepLogFiles(database, InfoLogFiles);
        OptionsSetMaxLogFileSize(database, InfoLogBytesMax);
        OptionsSetBytesPerSync(database, BytesPerSync);
        OptionsSetAvoidFlushDuringShutdown(database, options.FlushesOnDispose ? (byte)0 : (byte)1);
        OptionsSetCompression(database, CompressionLz4);
        OptionsSetBottommostCompression(database, CompressionZstd);
        return database;
    }
}
