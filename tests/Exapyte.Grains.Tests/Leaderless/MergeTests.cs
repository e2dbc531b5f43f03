using CsCheck;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class MergeTests
{
    private static readonly string[] Keys = ["a", "b", "c"];

    // A stamp is given out once, so what was written under it follows from it.
    private static readonly Gen<StampedEntry> Written = Gen.Select(
        Gen.Int[0, Keys.Length - 1],
        Gen.ULong[1, 12],
        Gen.ULong[1, 3],
        (key, revision, origin) =>
            (revision + origin) % 3 == 0
                ? Delete(Keys[key], revision, origin)
                : Put(Keys[key], revision, $"{Keys[key]}{revision}{origin}", origin)
    );

    private static readonly Gen<(int[] Again, int[] Order, bool[] Cuts)> Deliveries = Gen.Select(
        Gen.Int[0, 1_000].Array[20],
        Gen.Int[0, 1_000].Array[20],
        Gen.Bool.Array[40]
    );

    [Fact]
    [Trait("Scenario", "async_replicator_handle_replication")]
    public async Task Replicas_that_got_the_same_writes_hold_the_same_whatever_the_order_the_repeats_and_the_batches()
    {
        await Gen.Select(Written.Array[1, 20], Deliveries, Deliveries)
            .SampleAsync(
                async (writes, first, second) =>
                {
                    var one = await Deliver(writes, first);
                    var other = await Deliver(writes, second);
                    foreach (var key in Keys)
                    {
                        var newest = writes
                            .Where(write => write.Key.Span.SequenceEqual(Bytes(key)))
                            .MaxBy(write => write.Version);
                        var expected = newest?.Text() ?? "";
                        Assert.Equal(expected, one.Read(Bytes(key)).Text());
                        Assert.Equal(expected, other.Read(Bytes(key)).Text());
                    }
                }
            );
    }

    [Fact]
    [Trait("Scenario", "async_replicator_conflict_resolution")]
    public async Task The_later_stamp_wins_and_of_equal_stamps_the_greater_origin()
    {
        var copy = InMemory();
        await copy.Write([Put("a", 5, "five")]);
        await copy.Write([Put("a", 4, "four", origin: 9)]);
        Assert.Equal("five@5.1", copy.Read(Bytes("a")).Text());
        await copy.Write([Put("a", 5, "other", origin: 2)]);
        Assert.Equal("other@5.2", copy.Read(Bytes("a")).Text());
        await copy.Write([Put("a", 6, "six"), Put("a", 7, "seven"), Put("b", 1, "one")]);
        Assert.Equal("seven@7.1", copy.Read(Bytes("a")).Text());
    }

    [Fact]
    [Trait("Scenario", "async_replicator_conflict_resolution")]
    public async Task In_one_batch_the_later_stamp_wins_too_wherever_it_stands()
    {
        var copy = InMemory();
        await copy.Write([Put("a", 7, "seven"), Put("a", 6, "six")]);
        Assert.Equal("seven@7.1", copy.Read(Bytes("a")).Text());
    }

    [Fact]
    [Trait("Scenario", "async_replicator_conflict_resolution")]
    public async Task A_delete_is_a_write_that_an_earlier_put_does_not_undo()
    {
        var copy = InMemory();
        await copy.Write([Delete("a", 5)]);
        await copy.Write([Put("a", 4, "late")]);
        Assert.Equal("-@5.1", copy.Read(Bytes("a")).Text());
        await copy.Write([Put("a", 6, "again")]);
        Assert.Equal("again@6.1", copy.Read(Bytes("a")).Text());
    }

    [Fact]
    [Trait("Scenario", "async_replicator_conflict_resolution")]
    public async Task Losers_are_counted_and_what_comes_again_is_none()
    {
        var copy = InMemory();
        await copy.Write([Put("a", 5, "five"), Put("b", 5, "five")]);
        await copy.Write([Put("a", 5, "five"), Put("b", 5, "five")]);
        Assert.Equal(0, copy.Superseded);
        await copy.Write([Put("a", 4, "four"), Delete("b", 3), Put("c", 1, "one")]);
        Assert.Equal(2, copy.Superseded);
    }

    private static async Task<LocalCopy> Deliver(StampedEntry[] writes, (int[] Again, int[] Order, bool[] Cuts) how)
    {
        var copy = InMemory();
        List<StampedEntry> batch = [];
        var deliveries = how
            .Again.Select(pick => writes[pick % writes.Length])
            .Concat(
                writes.Select((write, i) => (write, how.Order[i])).OrderBy(one => one.Item2).Select(one => one.write)
            );
        foreach (var (write, i) in deliveries.Select((write, i) => (write, i)))
        {
            batch.Add(write);
            if (how.Cuts[i])
            {
                await copy.Write([.. batch]);
                batch.Clear();
            }
        }
        Assert.Equal(OutcomeKind.Ok, (await copy.Write([.. batch])).Kind);
        return copy;
    }

    private static LocalCopy InMemory() =>
        new(new MemoryStore(new() { KeepTombstones = true }, TimeProvider.System), null, null, new(1));
}
