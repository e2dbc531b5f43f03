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
}
