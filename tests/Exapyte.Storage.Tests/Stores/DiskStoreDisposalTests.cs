using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>A native library used after it was closed ends the process, and these tests with it.</summary>
public sealed class DiskStoreDisposalTests : IDisposable
{
    readonly DiskStoreFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void Every_call_after_dispose_throws()
    {
        IShardStore shard = _fixture.Shard;
        DiskStore store = _fixture.Store;
        StoreBatch batch = shard.NewBatch();
        batch.Put(Key("k"), Entry("v"));
        store.Dispose();
        store.Dispose();

        Action[] calls =
        [
            () => shard.Apply(batch),
            () => shard.TryGet(Key("k"), out _),
            () => shard.TryGetHeader(Key("k"), out _),
            () => shard.GetMeta(Key("k")),
            () => shard.ScanMeta([], (_, _) => true),
            () => shard.Scan(KeyRange.All, reverse: false),
            () => shard.ReadFlushedIndex(),
            () => shard.SweepExpired(1, 1),
            () => shard.Clear(),
            () => _ = shard.ApproximateBytes,
            () => _ = shard.ApproximateCount,
            () => store.OpenShard(99),
            () => store.DeleteShard(99),
            () => store.ListPrefixes(),
            () => store.Flush(),
            () => store.Compact(),
            () => _ = store.Statistics,
        ];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
    }

    [Fact]
    public void A_scan_left_open_ends_with_its_store()
    {
        _fixture.Shard.Put(Key("k"), Entry("v"));
        IStoreScan scan = _fixture.Shard.Scan(KeyRange.All, reverse: false);
        Assert.True(scan.MoveNext());

        _fixture.Store.Dispose();

        Assert.Throws<ObjectDisposedException>(() => scan.MoveNext());
        Assert.Throws<ObjectDisposedException>(() => scan.Current);
        scan.Dispose();
        scan.Dispose();
    }

    [Fact]
    public void A_scan_used_after_it_was_disposed_or_off_its_rows_throws()
    {
        _fixture.Shard.Put(Key("k"), Entry("v"));
        IStoreScan scan = _fixture.Shard.Scan(KeyRange.All, reverse: false);
        Assert.Throws<InvalidOperationException>(() => scan.Current);
        Assert.True(scan.MoveNext());
        Assert.False(scan.MoveNext());
        Assert.False(scan.MoveNext());
        Assert.Throws<InvalidOperationException>(() => scan.Current);

        scan.Dispose();

        Assert.Throws<ObjectDisposedException>(() => scan.MoveNext());
    }

    [Fact]
    public void Disposing_while_others_read_scan_and_write_ends_them_with_an_exception_each()
    {
        for (int round = 0; round < 20; round++)
        {
            using var fixture = new DiskStoreFixture();
            IShardStore shard = fixture.Shard;
            for (int number = 0; number < 100; number++)
                shard.Put(Key(number), Entry(new byte[200]));
            using var started = new CountdownEvent(4);
            Thread[] threads =
            [
                StartUntilDisposed(started, number => shard.TryGet(Key(number % 100), out _)),
                StartUntilDisposed(started, number => shard.Put(Key(number % 100), Entry(new byte[200]))),
                StartUntilDisposed(started, _ => shard.All()),
                StartUntilDisposed(started, _ => shard.All(reverse: true)),
            ];
            started.Wait(TestContext.Current.CancellationToken);

            fixture.Store.Dispose();

            Assert.All(threads, thread => Assert.True(thread.Join(TimeSpan.FromMinutes(2))));
        }
    }

    static Thread StartUntilDisposed(CountdownEvent started, Action<int> act)
    {
        var thread = new Thread(() =>
        {
            try
            {
                for (int number = 0; ; number++)
                {
                    act(number);
                    if (number == 3)
                        started.Signal();
                }
            }
            catch (ObjectDisposedException)
            {
                // What the test is about.
            }
        });
        thread.Start();
        return thread;
    }
}
