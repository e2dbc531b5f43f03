using Exapyte.Grains.Nodes;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Tests.Nodes;

public class DisusedPrefixesTests
{
    private readonly DisusedPrefixes disused = new();
    private readonly List<ulong> deleted = [];
    private readonly List<StoreFailedException> failures = [];

    public DisusedPrefixesTests()
    {
        disused.Add(3);
        disused.Add(5);
        disused.Add(7);
    }

    [Fact]
    public void What_a_full_disk_does_not_delete_is_deleted_when_there_is_space()
    {
        Assert.Throws<StoreFullException>(() =>
            disused.Delete(
                static _ => false,
                prefix =>
                {
                    if (prefix == 5)
                    {
                        throw new StoreFullException("no space left");
                    }
                    deleted.Add(prefix);
                },
                failures.Add
            )
        );
        Assert.Equal([3UL], deleted);
        Assert.Equal(2, disused.Count);

        disused.Delete(static _ => false, deleted.Add, failures.Add);

        Assert.Equal([3UL, 5UL, 7UL], deleted);
        Assert.Equal(0, disused.Count);
        Assert.Empty(failures);
    }

    [Fact]
    public void What_a_damaged_store_does_not_delete_is_told_and_keeps_nothing_else_from_being_deleted()
    {
        disused.Delete(
            static _ => false,
            prefix =>
            {
                if (prefix == 3)
                {
                    throw new StoreBrokenException("damaged");
                }
                deleted.Add(prefix);
            },
            failures.Add
        );

        Assert.Equal([5UL, 7UL], deleted);
        Assert.Single(failures);
        Assert.Equal(0, disused.Count);
    }

    [Fact]
    public void What_another_replica_still_uses_stays_until_that_one_gives_it_up()
    {
        disused.Delete(prefix => prefix == 5, deleted.Add, failures.Add);
        Assert.Equal([3UL, 7UL], deleted);

        disused.Add(5);
        disused.Delete(static _ => false, deleted.Add, failures.Add);
        Assert.Equal([3UL, 7UL, 5UL], deleted);
    }
}
