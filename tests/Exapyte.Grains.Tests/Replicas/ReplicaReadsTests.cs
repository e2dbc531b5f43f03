using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class ReplicaReadsTests : IDisposable
{
    private readonly DiskStoreFixture disk = new();

    public void Dispose() => disk.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_listing_without_values_tells_their_lengths(bool inMemory)
    {
        IShardStore store = inMemory ? new MemoryStoreFixture().Store : disk.Shard;
        foreach (var length in new[] { 0, 1, 100_000 })
        {
            var batch = store.NewBatch();
            batch.Put(
                Encoding.UTF8.GetBytes($"k{length}"),
                new(new(1, 0), 5, 0, EntryFlags.None, "text/plain", new byte[length])
            );
            store.Apply(batch);
        }

        foreach (var keysOnly in new[] { true, false })
        {
            var reply = ReplicaReads.Scan(
                store,
                new()
                {
                    Start = default,
                    MapEpoch = 1,
                    TimeoutMs = 1_000,
                    EntriesMax = 10,
                    BytesMax = 1 << 20,
                    KeysOnly = keysOnly,
                },
                nowMs: 10
            );

            Assert.Equal([0, 1, 100_000], reply.Entries.Select(entry => entry.Entry.ValueBytes));
            Assert.Equal(
                keysOnly ? [0, 0, 0] : [0, 1, 100_000],
                reply.Entries.Select(entry => entry.Entry.Value.Length)
            );
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_folded_listing_passes_over_what_lies_behind_the_first_that_is_there_of_a_common_prefix(bool reverse)
    {
        var store = new MemoryStoreFixture().Store;
        var batch = store.NewBatch();
        foreach (var folder in (string[])["a", "b", "c"])
        {
            for (var i = 0; i < 1_000; i++)
            {
                // All of b have ended, and the first and the last of c.
                var expiresMs = folder == "b" || (folder == "c" && i is 0 or 999) ? 5 : 0;
                batch.Put(
                    Encoding.UTF8.GetBytes($"{folder}/{i:000}"),
                    new(new(1, 0), 5, expiresMs, EntryFlags.None, "", new byte[10])
                );
            }
        }
        batch.Put("d"u8, new(new(1, 0), 5, 0, EntryFlags.None, "", new byte[10]));
        store.Apply(batch);
        var visited = 0;
        var counting = new PeekedStore(store) { OnScan = scan => new CountedScan(scan, () => visited++) };

        var reply = ReplicaReads.Scan(
            counting,
            new()
            {
                Start = default,
                MapEpoch = 1,
                TimeoutMs = 1_000,
                EntriesMax = 10,
                BytesMax = 1 << 20,
                Reverse = reverse,
                Delimiter = "/"u8.ToArray(),
            },
            nowMs: 10
        );

        string[] expected = reverse ? ["d", "c/998", "a/999"] : ["a/000", "c/001", "d"];
        Assert.Equal(expected, reply.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span)));
        Assert.Equal([10, 0, 0], reply.Entries.Select(entry => entry.Entry.Value.Length).OrderDescending());
        Assert.False(reply.More);
        // One of a, all of b, two of c, and d.
        Assert.Equal(1_004, visited);
    }

    /// <summary>Counts the entries that a scan stood on.</summary>
    private sealed class CountedScan(IStoreScan scan, Action visited) : IStoreScan
    {
        public ReadOnlySpan<byte> CurrentKey => scan.CurrentKey;

        public StoredEntry Current => scan.Current;

        public EntryHeader CurrentHeader => scan.CurrentHeader;

        public bool MoveNext() => Count(scan.MoveNext());

        public bool MoveTo(ReadOnlySpan<byte> key) => Count(scan.MoveTo(key));

        public void Dispose() => scan.Dispose();

        private bool Count(bool moved)
        {
            if (moved)
            {
                visited();
            }
            return moved;
        }
    }
}
