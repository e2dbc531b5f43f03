using CsCheck;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>Both stores against the model, over random batches, reads, scans, sweeps and reopens.</summary>
public sealed class StoreModelTests
{
    static readonly Gen<(StoreModel.Change[], KeyRange, byte[])[]> Steps = Gen.Select(
        StoreModel.Batch,
        StoreModel.Ranges,
        StoreModel.Keys
    ).Array[1, 12];

    [Fact]
    public void A_memory_store_holds_what_a_sorted_map_would()
    {
        Steps.Sample(
            steps => Run(new MemoryStore(new MemoryStoreOptions(), TimeProvider.System), steps),
            iter: 500,
            threads: 1
        );
    }

    [Fact]
    public void A_disk_store_holds_what_a_sorted_map_would_between_busy_neighbours()
    {
        using var fixture = new DiskStoreFixture();
        ulong prefix = 1;
        Steps.Sample(
            steps =>
            {
                // What the neighbours hold comes from the samples before and after.
                IShardStore store = fixture.Store.OpenShard(prefix++);
                Run(store, steps);
                if (prefix % 20 == 0)
                    fixture.Store.Flush();
                if (prefix % 50 == 0)
                    fixture.Store.Compact();
            },
            iter: 300,
            threads: 1
        );
    }

    [Fact]
    public void A_disk_store_reopened_after_a_crash_holds_some_applied_index_and_exactly_its_state()
    {
        Gen.Select(StoreModel.Batch, Gen.Int[0, 5])
            .Array[1, 20]
            .Sample(
                steps =>
                {
                    using var fixture = new DiskStoreFixture();
                    var history = new List<StoreModel> { StoreModel.Empty };
                    foreach ((StoreModel.Change[] changes, int then) in steps)
                    {
                        history.Add(history[^1].Apply(fixture.Shard, fixture.Shard.NewBatch(), changes));
                        if (then == 1)
                            fixture.Store.Flush();
                        if (then == 2)
                            fixture.Reopen();
                        if (then == 3)
                            Crash(fixture, history);
                    }
                    Crash(fixture, history);
                },
                iter: 25,
                threads: 1
            );
    }

    [Fact]
    public void A_memory_store_holds_many_keys_through_growth_and_shrinking_in_any_order()
    {
        Gen.Int[0, 3000]
            .Array[500, 3000]
            .Sample(
                numbers =>
                {
                    var store = new MemoryStore(new MemoryStoreOptions(), TimeProvider.System);
                    foreach (int number in numbers)
                        store.Put(Key(number), Entry("v"));
                    var left = new SortedSet<int>(numbers);
                    foreach (int number in numbers.Reverse().Take(numbers.Length * 2 / 3))
                    {
                        Assert.Equal(left.Remove(number), store.Delete(Key(number), 0));
                        if (left.Count % 100 == 0)
                            AssertKeys(store, left);
                    }
                    AssertKeys(store, left);
                    Assert.Equal(left.Count, store.ApproximateCount);
                },
                iter: 20,
                threads: 1
            );
    }

    [Theory]
    [InlineData("ascending")]
    [InlineData("descending")]
    [InlineData("shuffled")]
    public void A_memory_store_of_many_levels_finds_every_key_whatever_order_they_came_in(string order)
    {
        int[] numbers = [.. Enumerable.Range(0, 40_000)];
        if (order == "descending")
            numbers.AsSpan().Reverse();
        if (order == "shuffled")
            new Random(7).Shuffle(numbers);
        var store = new MemoryStore(new MemoryStoreOptions(), TimeProvider.System);
        foreach (int number in numbers)
            store.Put(Key(number), Entry($"{number}"));
        Assert.All(numbers, number => Assert.True(store.TryGet(Key(number), out _)));
        AssertKeys(store, [.. numbers]);

        new Random(8).Shuffle(numbers);
        foreach (int number in numbers.AsSpan(0, 35_000))
            Assert.True(store.Delete(Key(number), 0));

        AssertKeys(store, [.. numbers[35_000..]]);
    }

    static void AssertKeys(MemoryStore store, SortedSet<int> keys)
    {
        Assert.Equal(keys.Select(Key), store.All().Select(keyed => keyed.Key.ToArray()));
        Assert.Equal(keys.Reverse().Select(Key), store.All(reverse: true).Select(keyed => keyed.Key.ToArray()));
    }

    static void Crash(DiskStoreFixture fixture, List<StoreModel> history)
    {
        ulong flushed = fixture.Shard.ReadFlushedIndex();
        fixture.Crash();
        Assert.Equal(flushed, fixture.Shard.AppliedIndex);
        history.RemoveRange((int)flushed + 1, history.Count - (int)flushed - 1);
        history[^1].AssertHeldBy(fixture.Shard);
    }

    static void Run(IShardStore store, (StoreModel.Change[] Changes, KeyRange Range, byte[] Key)[] steps)
    {
        StoreModel model = StoreModel.Empty;
        StoreBatch batch = store.NewBatch();
        foreach ((StoreModel.Change[] changes, KeyRange range, byte[] key) in steps)
        {
            model = model.Apply(store, batch, changes);
            model.AssertHeldBy(store);
            model.AssertScannedBy(store, range);
            model.AssertMovedTo(store, range, key);
            model.AssertReadFrom(store, key);
        }
        SweepAll(store, model);
    }

    static void SweepAll(IShardStore store, StoreModel model)
    {
        const long LongAfterMs = WrittenMs + 1_000_000;
        string[] expired =
        [
            .. model.Entries.Where(keyed => keyed.Value.IsExpired(LongAfterMs)).Select(keyed => keyed.Key),
        ];
        Assert.Equal(expired.Length, store.SweepExpired(LongAfterMs, int.MaxValue));
        (model with { Entries = model.Entries.RemoveRange(expired) }).AssertHeldBy(store);
    }
}
