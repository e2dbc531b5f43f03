using Exapyte.Storage.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class DiskStoreCrashTests : IDisposable
{
    const int Rounds = 8;

    readonly string _folder = Directory.CreateTempSubdirectory("exapyte-crash-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    [Trait("Scenario", "disk_store_persistence")]
    public async Task A_killed_store_holds_exactly_the_batches_up_to_its_applied_index_and_all_that_were_flushed()
    {
        CancellationToken cancellation = TestContext.Current.CancellationToken;
        var expected = new MemoryStore(new MemoryStoreOptions(), TimeProvider.System);
        StoreBatch batch = expected.NewBatch();
        for (int round = 0; round < Rounds; round++)
        {
            ulong flushed = 0;
            using (var writer = new StoreWriterProcess(_folder))
            {
                for (int flush = 0; flush <= round; flush++)
                    flushed = await writer.ReadFlushedAsync(cancellation);
            }

            using DiskStore store = StoreWriterProcess.Open(_folder);
            IShardStore shard = store.OpenShard(1);
            Assert.True(shard.AppliedIndex >= flushed, $"{shard.AppliedIndex} is applied of {flushed} flushed");
            while (expected.AppliedIndex < shard.AppliedIndex)
                StoreWriterProcess.Apply(expected, batch, expected.AppliedIndex + 1);
            Assert.Equal(expected.Describe(), shard.Describe());
            Assert.Equal(expected.GetMeta(Key("last")), shard.GetMeta(Key("last")));
        }
    }
}
