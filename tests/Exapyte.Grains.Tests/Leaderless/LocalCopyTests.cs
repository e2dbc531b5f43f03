using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Operations;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class LocalCopyTests
{
    private const int ValueBytes = 8 << 10;

    [Fact]
    public async Task Nothing_can_be_read_or_is_answered_before_it_is_durable()
    {
        using var on = new LoggedCopy();
        var write = on.Copy.Write([Put("a", 1, "one")]);

        Assert.Equal("", on.Copy.Read(Bytes("a")).Text());
        Assert.False(write.IsCompleted);
        Assert.Equal(LocalVerdict.Ok, await on.End(write));
        Assert.Equal("one@1.1", on.Copy.Read(Bytes("a")).Text());
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_a_power_cut_though_the_store_lost_it()
    {
        using var on = new LoggedCopy();
        await on.End(on.Copy.Write([Put("a", 1, "one"), Put("b", 2, "two")]));
        await on.End(on.Copy.Write([Delete("b", 4), Put("a", 3, "three")]));
        _ = on.Copy.Write([Put("a", 5, "never written")]);

        on.PowerCut();

        Assert.Equal("three@3.1", on.Copy.Read(Bytes("a")).Text());
        Assert.Equal("-@4.1", on.Copy.Read(Bytes("b")).Text());
        Assert.Equal(LocalVerdict.Ok, await on.End(on.Copy.Write([Put("a", 6, "on")])));
    }

    [Fact]
    public async Task A_crashed_process_finds_in_the_log_what_its_store_had_not_flushed()
    {
        using var disk = new DiskStoreFixture();
        var folder = Directory.CreateTempSubdirectory("exapyte-copy-").FullName;
        try
        {
            await WithCopy(
                disk,
                folder,
                copy => Assert.Equal(0, copy.Superseded),
                Put("a", 1, "one"),
                Put("b", 2, "two")
            );
            disk.Reopen();
            await WithCopy(disk, folder, _ => { }, Put("a", 3, "three"), Delete("b", 4));
            disk.Crash();

            Assert.True(disk.Shard.AppliedIndex < 4, "The store has lost what it had not flushed.");
            await WithCopy(
                disk,
                folder,
                copy =>
                {
                    Assert.Equal("three@3.1", copy.Read(Bytes("a")).Text());
                    Assert.Equal("-@4.1", copy.Read(Bytes("b")).Text());
                    Assert.Equal(4UL, copy.Store.AppliedIndex);
                }
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_store_that_is_ahead_of_its_log_is_not_opened()
    {
        using var on = new LoggedCopy();
        var ahead = new MemoryStore(new(), TimeProvider.System);
        var batch = ahead.NewBatch();
        batch.AppliedIndex = 1;
        ahead.Apply(batch);

        Assert.Throws<ReplicaFailedException>(() => new LocalCopy(ahead, on.Log, on.Log.OpenGroup(new(1)), new(1)));
    }

    [Fact]
    public async Task On_a_full_disk_a_write_is_refused_and_once_space_returns_writes_go_on()
    {
        using var on = new LoggedCopy();
        await on.End(on.Copy.Write([Put("a", 1, "before")]));
        on.Files.CapacityBytes = on.Files.UsedBytes;
        List<string> acknowledged = [];
        LocalVerdict verdict;
        while ((verdict = await on.End(on.Copy.Write([Large(acknowledged.Count)]))).Kind == OutcomeKind.Ok)
        {
            acknowledged.Add($"k{acknowledged.Count}");
            Assert.True(acknowledged.Count < 1_000, "The disk never fills.");
        }
        // Of several in flight none slips past one that was refused.
        Task<LocalVerdict>[] together =
        [
            on.Copy.Write([Large(-1)]),
            on.Copy.Write([Put("small", 9, "refused too")]),
            on.Copy.Write([Large(-2)]),
        ];
        on.Log.Step();

        Assert.Equal(OutcomeKind.DiskFull, verdict.Kind);
        Assert.All(await Task.WhenAll(together), one => Assert.Equal(OutcomeKind.DiskFull, one.Kind));
        Assert.Equal("before@1.1", on.Copy.Read(Bytes("a")).Text());
        Assert.Equal("", on.Copy.Read(Bytes("small")).Text());

        on.Files.CapacityBytes = long.MaxValue;
        Assert.Equal(LocalVerdict.Ok, await on.End(on.Copy.Write([Put("a", 10, "after")])));
        on.PowerCut();
        Assert.Equal("after@10.1", on.Copy.Read(Bytes("a")).Text());
        Assert.Equal("", on.Copy.Read(Bytes("small")).Text());
        Assert.All(acknowledged, key => Assert.Equal(ValueBytes, on.Copy.Read(Bytes(key)).Value.Length));
    }

    [Fact]
    public async Task What_is_logged_while_the_store_is_full_is_in_doubt_and_merged_in_order_once_it_takes_it()
    {
        using var on = new LoggedCopy();
        var first = on.Copy.Write([Put("a", 1, "one")]);
        var second = on.Copy.Write([Put("b", 2, "two")]);
        on.Store.Refuses = new StoreFullException("no space");
        on.Log.Step();

        Assert.Equal(OutcomeKind.Unknown, (await first).Kind);
        Assert.Equal(OutcomeKind.Unknown, (await second).Kind);
        Assert.Equal(OutcomeKind.DiskFull, (await on.Copy.Write([Put("c", 3, "three")])).Kind);
        Assert.Equal(0UL, on.Store.AppliedIndex);

        on.Store.Refuses = null;
        on.Copy.Resume();
        Assert.Equal("one@1.1", on.Copy.Read(Bytes("a")).Text());
        Assert.Equal("two@2.1", on.Copy.Read(Bytes("b")).Text());
        Assert.Equal(LocalVerdict.Ok, await on.End(on.Copy.Write([Put("c", 4, "four")])));
        Assert.Equal(3UL, on.Store.AppliedIndex);
    }

    [Fact]
    public async Task A_copy_opened_on_a_full_store_takes_writes_once_it_has_merged_what_its_log_held()
    {
        using var on = new LoggedCopy();
        await on.End(on.Copy.Write([Put("a", 1, "one")]));
        await on.End(on.Copy.Write([Put("b", 2, "two")]));
        var store = new StoreThatFills(new MemoryStore(new(), TimeProvider.System))
        {
            Refuses = new StoreFullException("no space"),
        };

        var copy = new LocalCopy(store, on.Log, on.Log.OpenGroup(new(1)), new(1));
        Assert.Equal(OutcomeKind.DiskFull, (await copy.Write([Put("a", 3, "three")])).Kind);
        Assert.Equal(0UL, store.AppliedIndex);

        store.Refuses = null;
        copy.Resume();
        Assert.Equal("one@1.1", copy.Read(Bytes("a")).Text());
        Assert.Equal("two@2.1", copy.Read(Bytes("b")).Text());
        Assert.Equal(LocalVerdict.Ok, await on.End(copy.Write([Put("a", 4, "four")])));
        Assert.Equal(3UL, store.AppliedIndex);
    }

    [Fact]
    public async Task A_store_that_fails_stops_the_writes_of_its_replica_and_says_so()
    {
        using var on = new LoggedCopy();
        await on.End(on.Copy.Write([Put("a", 1, "one")]));
        on.Store.Refuses = new StoreDamagedException("rotten");

        Assert.Equal(OutcomeKind.Unknown, (await on.End(on.Copy.Write([Put("a", 2, "two")]))).Kind);
        on.Store.Refuses = null;
        Assert.Equal(OutcomeKind.Unavailable, (await on.Copy.Write([Put("a", 3, "three")])).Kind);
        Assert.Contains("rotten", on.Copy.Failure, StringComparison.Ordinal);
        Assert.Equal("one@1.1", on.Copy.Read(Bytes("a")).Text());
    }

    [Fact]
    public async Task A_write_whose_sync_failed_is_in_doubt_and_nothing_is_tried_after_it()
    {
        using var on = new LoggedCopy();
        await on.End(on.Copy.Write([Put("a", 1, "one")]));
        on.RefuseSyncs();

        Assert.Equal(OutcomeKind.Unknown, (await on.End(on.Copy.Write([Put("a", 2, "two")]))).Kind);
        Assert.Equal(OutcomeKind.Unavailable, (await on.Copy.Write([Put("a", 3, "three")])).Kind);
        Assert.Equal("one@1.1", on.Copy.Read(Bytes("a")).Text());
    }

    [Fact]
    public async Task A_write_that_is_too_large_for_the_log_harms_no_other()
    {
        using var on = new LoggedCopy();
        var large = on.Copy.Write([Put("a", 1, new string('x', 70 << 10))]);
        var beside = on.Copy.Write([Put("b", 2, "beside")]);
        on.Log.Step();

        Assert.Equal(OutcomeKind.Invalid, (await large).Kind);
        Assert.Equal(OutcomeKind.Overloaded, (await beside).Kind);
        Assert.Equal(LocalVerdict.Ok, await on.End(on.Copy.Write([Put("b", 3, "again")])));
        Assert.Equal("again@3.1", on.Copy.Read(Bytes("b")).Text());
    }

    private static Exapyte.Wire.StampedEntry Large(int number) => Put($"k{number}", 5, new string('x', ValueBytes));

    /// <summary>Opens log and copy, writes each entry on its own, looks, and ends the log.</summary>
    private static async Task WithCopy(
        DiskStoreFixture disk,
        string folder,
        Action<LocalCopy> look,
        params Exapyte.Wire.StampedEntry[] writes
    )
    {
        var group = new GroupId(1);
        using var log = NodeLog.Open(
            folder,
            new() { SegmentBytes = 16 << 20, AppendBytesMax = 4 << 20 },
            PosixFiles.Instance,
            out var recovery
        );
        if (recovery.Groups.Count == 0)
        {
            log.SetDescriptor(group, "replica"u8.ToArray());
            await Testing.Clusters.Eventually.Holds(() => log.Statistics.Groups == 1, "The log hosts the replica.");
        }
        var copy = new LocalCopy(disk.Shard, log, log.OpenGroup(group), group);
        foreach (var write in writes)
        {
            Assert.Equal(LocalVerdict.Ok, await copy.Write([write]));
        }
        look(copy);
    }
}
