using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>What RocksDB makes of a damaged table file, and what is left to do then.</summary>
public sealed class BrokenStoreTests : IDisposable
{
    const ulong Whole = 11;
    const ulong Damaged = 12;
    const int EntryCount = 100;

    static readonly DiskStoreOptions s_options = new() { MemoryBytesMax = 8 * 1024 * 1024, BallastBytes = 0 };

    readonly DiskStoreFixture _fixture = new();
    readonly List<string> _whole;
    readonly List<string> _damaged;

    public BrokenStoreTests()
    {
        Fill(Whole, revision: 1);
        _fixture.Store.Flush();
        var before = _fixture.TableFiles.ToHashSet();
        Fill(Damaged, revision: 1);
        _fixture.Store.Flush();
        _whole = _fixture.Store.OpenShard(Whole).Describe();
        _damaged = _fixture.Store.OpenShard(Damaged).Describe();
        DamagedTable = _fixture.TableFiles.Single(file => !before.Contains(file));
    }

    string DamagedTable { get; }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_compaction_that_meets_damage_ends_all_writes_and_says_where_it_was()
    {
        Flip();
        Break();

        Assert.NotNull(_fixture.Store.Damage);
        Assert.Contains(Path.GetFileName(DamagedTable), _fixture.Store.Damage, StringComparison.Ordinal);
        Assert.Contains("offset", _fixture.Store.Damage, StringComparison.Ordinal);
        var shard = _fixture.Store.OpenShard(Whole);
        Assert.Throws<StoreBrokenException>(() => shard.Put(Key("new"), Entry("value")));
        Assert.Equal(_whole, shard.Describe());
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_flipped_byte_anywhere_in_a_table_is_met_when_the_store_is_opened_or_read_and_never_served()
    {
        const int Step = 409;
        _fixture.Store.Dispose();
        var table = File.ReadAllBytes(DamagedTable);
        int met = 0,
            harmless = 0;
        for (var at = table.Length - 1; at >= 0; at -= at > table.Length - 60 ? 7 : Step)
        {
            var bytes = (byte[])table.Clone();
            bytes[at] ^= 0x20;
            File.WriteAllBytes(DamagedTable, bytes);
            if (MeetsDamage() is not { } damage)
            {
                harmless++;
                continue;
            }
            met++;
            Assert.Contains(Path.GetFileName(DamagedTable), damage, StringComparison.Ordinal);
        }
        File.WriteAllBytes(DamagedTable, table);
        Assert.True(met > 50, $"{met} met, {harmless} in what no reader of the shards needs");
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_damaged_shard_is_deleted_without_being_read()
    {
        _fixture.Store.Compact(Damaged);
        Flip(everywhere: true);
        Assert.Throws<StoreDamagedException>(() => _fixture.Store.OpenShard(Damaged));
        _fixture.Store.DeleteShard(Damaged);
        _fixture.Store.Flush();

        Assert.Empty(_fixture.Store.OpenShard(Damaged).Describe());
        Assert.Equal(_whole, _fixture.Store.OpenShard(Whole).Describe());
    }

    [Fact]
    public void A_deleted_shard_takes_its_files_along_where_it_alone_is_in_them()
    {
        _fixture.Store.Compact(Damaged);
        Assert.True(_fixture.Store.Statistics.TableFileBytes > 2 * EntryCount * 400);
        _fixture.Store.DeleteShard(Damaged);
        Assert.True(_fixture.Store.Statistics.TableFileBytes < 2 * EntryCount * 400);
        Assert.Empty(_fixture.Store.OpenShard(Damaged).Describe());
        Assert.Equal(_whole, _fixture.Store.OpenShard(Whole).Describe());
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public void A_salvage_copies_whole_shards_and_names_the_others_with_file_and_offset()
    {
        Flip();
        _fixture.Store.Dispose();
        var into = _fixture.Folder + ".new";

        var unreadable = Assert.Single(StoreSalvage.Copy(_fixture.Folder, into, [Damaged, Whole, 99], s_options));

        Assert.Equal(Damaged, unreadable.Prefix);
        Assert.Contains(Path.GetFileName(DamagedTable), unreadable.Reason, StringComparison.Ordinal);
        Assert.Contains("offset", unreadable.Reason, StringComparison.Ordinal);
        using var salvaged = DiskStore.Open(into, s_options);
        Assert.Equal([Whole], salvaged.ListPrefixes());
        var shard = salvaged.OpenShard(Whole);
        Assert.Equal(_whole, shard.Describe());
        Assert.Equal((77UL, 77UL), (shard.AppliedIndex, shard.ReadFlushedIndex()));
        Assert.Equal("value"u8.ToArray(), shard.GetMeta("meta"u8));
        Assert.Equal(EntryCount / 2, shard.SweepExpired(long.MaxValue, int.MaxValue));
    }

    [Fact]
    public void A_salvage_of_a_store_that_is_whole_copies_all_of_it()
    {
        _fixture.Store.Dispose();
        var into = _fixture.Folder + ".new";
        Assert.Empty(StoreSalvage.Copy(_fixture.Folder, into, [Damaged, Whole], s_options));
        using var salvaged = DiskStore.Open(into, s_options);
        Assert.Equal(_whole, salvaged.OpenShard(Whole).Describe());
        Assert.Equal(_damaged, salvaged.OpenShard(Damaged).Describe());
    }

    [Fact]
    public void A_scan_of_the_state_shows_metadata_and_entries_of_the_moment_it_was_opened()
    {
        var shard = _fixture.Store.OpenShard(Whole);
        using var scan = shard.ScanState();
        shard.Put(Key("later"), Entry("value"));
        var batch = shard.NewBatch();
        batch.PutMeta("meta"u8, "changed"u8);
        shard.Apply(batch);

        Assert.True(scan.MoveNext());
        Assert.True(scan.IsMeta);
        Assert.Equal("meta"u8.ToArray(), scan.Key.ToArray());
        Assert.Equal("value"u8.ToArray(), scan.Meta.ToArray());
        List<string> entries = [];
        while (scan.MoveNext())
        {
            Assert.False(scan.IsMeta);
            entries.Add(Describe(scan.Key, scan.Entry));
        }
        Assert.Equal(_whole, entries);
    }

    /// <summary>Opens the store and reads all of both shards: what is read is right, or damage is told.</summary>
    string? MeetsDamage()
    {
        try
        {
            using var store = DiskStore.Open(_fixture.Folder, s_options);
            Assert.Equal(_whole, store.OpenShard(Whole).Describe());
            Assert.Equal(_damaged, store.OpenShard(Damaged).Describe());
            Assert.Equal("value"u8.ToArray(), store.OpenShard(Damaged).GetMeta("meta"u8));
            return null;
        }
        catch (StoreDamagedException damage)
        {
            return damage.Message;
        }
    }

    void Fill(ulong prefix, ulong revision)
    {
        var random = new Random((int)prefix);
        var shard = _fixture.Store.OpenShard(prefix);
        var batch = shard.NewBatch();
        for (int number = 0; number < EntryCount; number++)
        {
            byte[] value = new byte[400];
            random.NextBytes(value);
            batch.Put(Key(number), Entry(value, revision, expiresMs: number % 2 == 0 ? 0 : WrittenMs + 1_000));
        }
        batch.PutMeta("meta"u8, "value"u8);
        batch.AppliedIndex = 77;
        shard.Apply(batch);
    }

    void Flip(bool everywhere = false)
    {
        // A compaction may have moved the rows to another file.
        var table = File.Exists(DamagedTable) ? DamagedTable : _fixture.TableFiles[^1];
        _fixture.DamageTable(
            table,
            bytes =>
            {
                for (int at = everywhere ? 10 : bytes.Length / 3; at < bytes.Length - 2_000; at += 300)
                {
                    bytes[at] ^= 0x10;
                    if (!everywhere)
                        break;
                }
            }
        );
    }

    /// <summary>Has RocksDB read the damaged file in a compaction.</summary>
    void Break()
    {
        Fill(Damaged, revision: 2);
        _fixture.Store.Flush();
        _fixture.Store.Compact(Damaged);
        Assert.Throws<StoreBrokenException>(() => _fixture.Store.OpenShard(Whole).Put(Key("any"), Entry("value")));
    }
}
