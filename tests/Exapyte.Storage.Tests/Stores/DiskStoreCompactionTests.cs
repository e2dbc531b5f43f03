using Exapyte.Storage.Stores;
using Exapyte.Testing.Processes;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class DiskStoreCompactionTests : IDisposable
{
    const int EntryCount = 4_000;
    const int ValueBytes = 1_000;
    const int Hot = 1_000_000;
    const int HotKeys = 10;
    const int CompactionsMax = 100;

    static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(1);

    readonly DiskStoreFixture _fixture = new();
    readonly Random _random = new(1);
    long _operations;

    public void Dispose() => _fixture.Dispose();

    [Fact]
    [Trait("Scenario", "disk_store_compaction")]
    public async Task Overwritten_deleted_and_expired_data_gives_its_space_back_while_reads_and_writes_go_on()
    {
        for (int round = 0; round < 4; round++)
            WriteAll(expiresMs: 0);
        WriteAll(expiresMs: WrittenMs + 1);
        for (int number = 0; number < EntryCount; number += 4)
            _fixture.Shard.Put(Key(number), Entry(Noise()));
        for (int number = 1; number < EntryCount; number += 4)
            _fixture.Shard.Delete(Key(number), 0);
        Assert.Equal(EntryCount / 2, _fixture.Shard.SweepExpired(WrittenMs + 1_000, int.MaxValue));
        _fixture.Store.Flush();
        List<string> before = _fixture.Shard.Describe();

        using var stop = new CancellationTokenSource();
        Task traffic = Task.Run(() => ReadAndWrite(stop.Token), TestContext.Current.CancellationToken);
        await Poll.UntilAsync("traffic flows", s_deadline, () => Task.FromResult(Operations > 0));
        // One that is over before a thread gets a processor shows nothing; one that lets nobody in is none of those.
        long during = 0;
        for (int compactions = 0; during == 0 && compactions < CompactionsMax; compactions++)
        {
            long since = Operations;
            _fixture.Store.Compact();
            during = Operations - since;
        }
        await stop.CancelAsync();
        await traffic;

        Assert.Equal(before, _fixture.Shard.Describe(new KeyRange(ReadOnlyMemory<byte>.Empty, Key(Hot))));
        // Written were more than twenty times as much, of which compactions before this one may have taken their part.
        long liveBytes = EntryCount / 4L * ValueBytes;
        Assert.InRange(_fixture.Store.Statistics.TableFileBytes, liveBytes / 2, 2 * liveBytes);
        Assert.True(during > 0, "Nothing was read or written while the store was compacted.");
        Assert.True(_fixture.Shard.TryGet(Key(Hot + (int)((Operations - 1) % HotKeys)), out StoredEntry latest));
        Assert.Equal($"{Operations - 1}", latest.Text());
    }

    [Fact]
    [Trait("Scenario", "disk_store_compaction")]
    public void A_deleted_shard_gives_its_space_back_and_leaves_the_others_alone()
    {
        WriteAll(expiresMs: 0);
        IShardStore other = _fixture.Store.OpenShard(8);
        other.Put(Key("k"), Entry("v"));
        _fixture.Store.Flush();
        long bytesBefore = _fixture.Store.Statistics.TableFileBytes;

        _fixture.Store.DeleteShard(DiskStoreFixture.Prefix);
        _fixture.Store.Flush();
        _fixture.Store.Compact(DiskStoreFixture.Prefix);

        Assert.InRange(_fixture.Store.Statistics.TableFileBytes, 1, bytesBefore / 10);
        Assert.Equal("v", other.Text("k"));
    }

    [Fact]
    [Trait("Scenario", "disk_store_compaction")]
    public void A_scan_opened_before_a_compaction_still_shows_its_moment()
    {
        WriteAll(expiresMs: 0);
        _fixture.Store.Flush();
        List<string> before = _fixture.Shard.Describe();
        using IStoreScan scan = _fixture.Shard.Scan(KeyRange.All, reverse: false);

        WriteAll(expiresMs: 0);
        _fixture.Store.Flush();
        _fixture.Store.Compact();

        var seen = new List<string>();
        while (scan.MoveNext())
            seen.Add(Describe(scan.CurrentKey, scan.Current));
        Assert.Equal(before, seen);
    }

    long Operations => Interlocked.Read(ref _operations);

    void ReadAndWrite(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            int number = 4 * (int)(Operations % (EntryCount / 4));
            Assert.True(_fixture.Shard.TryGet(Key(number), out StoredEntry entry));
            Assert.Equal(ValueBytes, entry.Value.Length);
            _fixture.Shard.Put(Key(Hot + (int)(Operations % HotKeys)), Entry($"{Operations}"));
            Interlocked.Increment(ref _operations);
        }
    }

    void WriteAll(long expiresMs)
    {
        StoreBatch batch = _fixture.Shard.NewBatch();
        for (int number = 0; number < EntryCount; number++)
        {
            batch.Put(Key(number), Entry(Noise(), expiresMs: expiresMs));
            if (number % 100 != 99)
                continue;
            _fixture.Shard.Apply(batch);
            batch.Clear();
        }
    }

    byte[] Noise()
    {
        byte[] value = new byte[ValueBytes];
        _random.NextBytes(value);
        return value;
    }
}
