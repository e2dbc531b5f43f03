using CsCheck;
using Exapyte.Grains.Replicas;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class MiddleKeyTests : IDisposable
{
    private static readonly Comparer<byte[]> ByBytes = Comparer<byte[]>.Create(
        static (left, right) => left.AsSpan().SequenceCompareTo(right)
    );

    private readonly DiskStoreFixture disk = new();

    public void Dispose() => disk.Dispose();

    [Fact]
    public void The_middle_key_parts_the_bytes_into_halves_whatever_their_sizes_and_leaves_an_entry_on_each_side()
    {
        Gen.Select(Gen.Byte.Array[1, 6], Gen.Int[0, 300])
            .Array[2, 700]
            .Sample(
                rows =>
                {
                    var entries = rows.DistinctBy(row => Convert.ToHexString(row.Item1))
                        .OrderBy(row => row.Item1, ByBytes)
                        .ToArray();
                    var store = new MemoryStoreFixture().Store;
                    Fill(store, entries);

                    var found = MiddleKey.Find(store, int.MaxValue, CancellationToken.None);

                    if (entries.Length < 2)
                    {
                        Assert.Null(found);
                        return;
                    }
                    var point = found!.Value;
                    var before = entries.Where(row => ByBytes.Compare(row.Item1, point.Key) < 0).ToArray();
                    var all = entries.Sum(Bytes);
                    Assert.InRange(before.Length, 1, entries.Length - 1);
                    Assert.Equal((before.Sum(Bytes), all - before.Sum(Bytes)), (point.BytesBefore, point.BytesFrom));
                    Assert.InRange(Math.Abs(point.BytesBefore - (all / 2)), 0, (all / 32) + entries.Max(Bytes));
                },
                iter: 200
            );
    }

    [Fact]
    public void Nothing_is_found_where_there_are_not_two_entries()
    {
        Assert.Null(MiddleKey.Find(disk.Shard, int.MaxValue, CancellationToken.None));

        Fill(disk.Shard, [([7], 1_000)]);

        Assert.Null(MiddleKey.Find(disk.Shard, int.MaxValue, CancellationToken.None));
    }

    [Fact]
    public void The_first_key_is_never_the_middle_though_it_takes_nearly_all()
    {
        Fill(disk.Shard, [([1], 100_000), ([2], 1), ([3], 1)]);

        Assert.Equal([2], MiddleKey.Find(disk.Shard, int.MaxValue, CancellationToken.None)!.Value.Key);
    }

    [Fact]
    public void No_more_rows_are_walked_than_may_be_and_none_outside_of_the_stores_bounds()
    {
        Fill(disk.Shard, [.. Enumerable.Range(0, 100).Select(i => (new[] { (byte)i }, 10))]);

        var walked = MiddleKey.Find(disk.Shard, rowsMax: 10, CancellationToken.None)!.Value;
        disk.Shard.Bounds = new(new byte[] { 40 }, new byte[] { 60 });
        var within = MiddleKey.Find(disk.Shard, int.MaxValue, CancellationToken.None)!.Value;

        Assert.Equal(((byte)5, 110L), (walked.Key[0], walked.BytesBefore + walked.BytesFrom));
        Assert.Equal(((byte)50, 220L), (within.Key[0], within.BytesBefore + within.BytesFrom));
    }

    private static long Bytes((byte[] Key, int ValueBytes) row) => row.Key.Length + row.ValueBytes;

    private static void Fill(IShardStore store, (byte[] Key, int ValueBytes)[] rows)
    {
        var batch = store.NewBatch();
        foreach (var (key, valueBytes) in rows)
        {
            batch.Put(key, new(new(1, 0), 5, 0, EntryFlags.None, "", new byte[valueBytes]));
        }
        store.Apply(batch);
    }
}
