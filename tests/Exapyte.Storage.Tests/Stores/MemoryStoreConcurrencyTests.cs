using Exapyte.Storage.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class MemoryStoreConcurrencyTests
{
    const int Pairs = 200;
    const int ColdPerRound = 60;

    [Fact]
    public async Task Readers_see_each_batch_whole_while_it_is_applied_swept_and_evicted()
    {
        var store = new MemoryStore(
            new MemoryStoreOptions { EntriesMax = (2 * Pairs) + 200, KeepTombstones = false },
            TimeProvider.System
        );
        WritePairs(store, round: 0);
        using var stop = new CancellationTokenSource();
        Task<long>[] readers = [.. Enumerable.Range(0, 3).Select(_ => Task.Run(() => CheckPairs(store, stop.Token)))];

        for (int round = 1; round < 400; round++)
        {
            WritePairs(store, round);
            for (int cold = 0; cold < ColdPerRound; cold++)
                store.Put(Key(1_000_000 + (round * ColdPerRound) + cold), Entry("cold", expiresMs: round + 1));
            store.SweepExpired(round - 2, int.MaxValue);
        }
        await stop.CancelAsync();

        long[] scans = await Task.WhenAll(readers);
        Assert.All(scans, count => Assert.True(count > 0));
        Assert.True(store.Statistics.EvictedEntries > 0);
        Assert.True(store.Statistics.SweptEntries > 0);
    }

    static void WritePairs(MemoryStore store, int round)
    {
        StoreBatch batch = store.NewBatch();
        for (int pair = 0; pair < Pairs; pair++)
        {
            batch.Put(Key(pair), Entry($"{round}"));
            batch.Put(Key(500_000 + pair), Entry($"{round}"));
        }
        store.Apply(batch);
    }

    static long CheckPairs(MemoryStore store, CancellationToken stop)
    {
        long scans = 0;
        do
        {
            List<KeyedEntry> all = store.All(new KeyRange(Key(0), Key(1_000_000)));
            Assert.Equal(2 * Pairs, all.Count);
            Assert.Single(all.Select(keyed => keyed.Entry.Text()).Distinct());
            for (int pair = 0; pair < Pairs; pair++)
                Assert.True(store.TryGet(Key(pair), out _));
            scans++;
        } while (!stop.IsCancellationRequested);
        return scans;
    }
}
