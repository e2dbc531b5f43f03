using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class DiskStoreDamageTests : IDisposable
{
    const int EntryCount = 200;

    readonly DiskStoreFixture _fixture = new();

    public DiskStoreDamageTests()
    {
        var random = new Random(1);
        for (int number = 0; number < EntryCount; number++)
        {
            byte[] value = new byte[500];
            random.NextBytes(value);
            _fixture.Shard.Put(Key(number), Entry(value));
        }
        _fixture.Store.Flush();
    }

    public void Dispose() => _fixture.Dispose();

    [Fact]
    public void A_flipped_byte_in_a_table_file_is_reported_by_the_read_that_meets_it()
    {
        _fixture.DamageTables(bytes => bytes[bytes.Length / 3] ^= 0x10);

        int damaged = Enumerable.Range(0, EntryCount).Count(number => !CanRead(Key(number)));

        Assert.InRange(damaged, 1, EntryCount);
    }

    [Fact]
    public void A_scan_over_a_flipped_byte_throws_and_does_not_end_early()
    {
        _fixture.DamageTables(bytes => bytes[bytes.Length / 3] ^= 0x10);

        var damage = Assert.Throws<StoreDamagedException>(() => _fixture.Shard.All());

        Assert.Contains(_fixture.Folder, damage.Message, StringComparison.Ordinal);
        Assert.Throws<StoreDamagedException>(() => _fixture.Shard.All(reverse: true));
    }

    [Fact]
    public void A_store_whose_table_file_is_cut_off_says_that_it_is_damaged()
    {
        _fixture.Store.Dispose();
        foreach (string file in _fixture.TableFiles)
        {
            byte[] bytes = File.ReadAllBytes(file);
            File.WriteAllBytes(file, bytes[..(bytes.Length / 2)]);
        }

        Assert.Throws<StoreDamagedException>(() =>
        {
            using var store = DiskStore.Open(_fixture.Folder, new DiskStoreOptions { BallastBytes = 0 });
            store.OpenShard(DiskStoreFixture.Prefix).All();
        });
    }

    bool CanRead(byte[] key)
    {
        try
        {
            return _fixture.Shard.TryGet(key, out _);
        }
        catch (StoreDamagedException)
        {
            return false;
        }
    }
}
