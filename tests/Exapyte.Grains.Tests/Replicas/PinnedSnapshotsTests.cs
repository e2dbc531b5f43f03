using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class PinnedSnapshotsTests : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly MemoryStore store;
    private readonly PinnedSnapshots pinned;

    public PinnedSnapshotsTests()
    {
        store = new(new(), time);
        pinned = new(time);
        foreach (var key in new[] { "a", "b", "c" })
        {
            store.Put(Bytes(key), Entry("old"));
        }
    }

    public void Dispose() => pinned.Dispose();

    [Fact]
    public void What_is_written_later_does_not_show_and_a_page_may_be_asked_for_again()
    {
        var id = pinned.Open(1, store, 9, liveAtMs: null).SnapshotId;
        store.Put(Bytes("a"), Entry("new"));
        store.Put(Bytes("d"), Entry("new"));

        Assert.Equal("a=old", Texts(Read(id, 1)));
        Assert.Equal("a=old", Texts(Read(id, 1)));
        Assert.Equal("b=old", Texts(Read(id, 2)));
        Assert.Equal("c=old", Texts(Read(id, 3)));
        var end = Read(id, 4);
        Assert.Equal(("", false), (Texts(end), end.More));
    }

    [Fact]
    public void A_page_out_of_turn_and_another_replicas_snapshot_are_refused()
    {
        var id = pinned.Open(1, store, 9, liveAtMs: null).SnapshotId;
        Assert.Equal(OutcomeKind.Unavailable, Read(id, 1, replicaId: 2).Kind);
        Assert.Equal(OutcomeKind.Ok, Read(id, 1).Kind);
        Assert.Equal(OutcomeKind.Unavailable, Read(id, 3).Kind);
    }

    [Fact]
    public void What_is_dead_is_left_out_where_that_is_asked()
    {
        store.Put(Bytes("b"), Entry("") with { Flags = EntryFlags.Tombstone });
        store.Put(Bytes("c"), Entry("short") with { ExpiresMs = 50 });
        var live = pinned.Open(1, store, 9, liveAtMs: 50).SnapshotId;
        var all = pinned.Open(1, store, 9, liveAtMs: null).SnapshotId;
        Assert.Equal("a=old", Texts(Read(live, 1, bytesMax: 1_000)));
        Assert.Equal("a=old b= c=short", Texts(Read(all, 1, bytesMax: 1_000)));
    }

    [Fact]
    public void One_that_nobody_reads_is_let_go_and_one_that_is_read_is_kept()
    {
        var forgotten = pinned.Open(1, store, 9, liveAtMs: null).SnapshotId;
        var read = pinned.Open(1, store, 9, liveAtMs: null).SnapshotId;
        time.Advance(PinnedSnapshots.RestMax - TimeSpan.FromSeconds(1));
        Read(read, 1);
        time.Advance(TimeSpan.FromSeconds(1));
        pinned.CloseIdle();
        Assert.Equal(OutcomeKind.Unavailable, Read(forgotten, 1).Kind);
        Assert.Equal(OutcomeKind.Ok, Read(read, 2).Kind);
    }

    [Fact]
    public void No_more_are_kept_than_the_limit()
    {
        for (var i = 0; i < PinnedSnapshots.OpenMax; i++)
        {
            Assert.Equal(OutcomeKind.Ok, pinned.Open(1, store, 9, liveAtMs: null).Kind);
        }
        Assert.Equal(OutcomeKind.Overloaded, pinned.Open(1, store, 9, liveAtMs: null).Kind);
    }

    private SnapshotPage Read(long id, long page, long replicaId = 1, int bytesMax = 1) =>
        pinned.Read(
            replicaId,
            new()
            {
                SnapshotId = id,
                Page = page,
                BytesMax = bytesMax,
            }
        );

    private static string Texts(SnapshotPage page) =>
        string.Join(
            ' ',
            page.Entries.Select(entry =>
                $"{System.Text.Encoding.UTF8.GetString(entry.Key.Span)}={System.Text.Encoding.UTF8.GetString(entry.Value.Span)}"
            )
        );

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static StoredEntry Entry(string value) => new(new(1, 0), 0, 0, EntryFlags.None, "", Bytes(value));
}
