using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Xunit;

namespace Exapyte.Grains.Tests.Scrubs;

public sealed class ScrubCommandTests : IDisposable
{
    private readonly DiskStoreFixture one = new();
    private readonly DiskStoreFixture other = new();

    public void Dispose()
    {
        one.Dispose();
        other.Dispose();
    }

    [Fact]
    public void A_scrub_lies_in_the_log_as_these_bytes()
    {
        var bytes = ShardCommandCodec.EncodeScrub(0x0102_0304_0506_0708, 0x1112_1314_1516_1718);
        Assert.Equal("02" + "0807060504030201" + "1817161514131211", Convert.ToHexString(bytes));
        var command = Assert.IsType<ScrubCommand>(ShardCommandCodec.Decode(bytes));
        Assert.Equal((0x0102_0304_0506_0708, 0x1112_1314_1516_1718UL), (command.StampMs, command.ScrubId));
        Assert.Null(ShardCommandCodec.Decode(bytes.AsMemory(0, 16)));
        Assert.Null(ShardCommandCodec.Decode((byte[])[.. bytes, 0]));
    }

    [Fact]
    public void A_scrub_changes_nothing_but_the_applied_index()
    {
        var machine = Machine(one);
        Put(machine, "a", "1", 100);
        var before = (machine.Revision, machine.StampMs, DigestOf(one, 100));

        Scrub(machine, 999, 7);

        Assert.Equal(new AppliedScrub(7, 999, 999), machine.LastScrub);
        Assert.Equal(2UL, machine.Applied.Value);
        Assert.Equal(before, (machine.Revision, machine.StampMs, DigestOf(one, 100)));
        Put(machine, "b", "2", 1_000);
        Assert.Null(machine.LastScrub);
    }

    [Fact]
    public void A_scrub_stamped_before_what_was_applied_counts_at_the_applied_stamp()
    {
        var machine = Machine(one);
        Put(machine, "a", "1", 100);
        Scrub(machine, 50, 7);
        Assert.Equal(new AppliedScrub(7, 50, 100), machine.LastScrub);
    }

    [Fact]
    public void Replicas_that_applied_the_same_have_the_same_digest_whatever_they_have_swept()
    {
        foreach (var fixture in (DiskStoreFixture[])[one, other])
        {
            var machine = Machine(fixture);
            Put(machine, "stays", "1", 100);
            Put(machine, "goes", "2", 100, ttlMs: 50);
            Put(machine, "asked", "3", 200, requestId: "id-1");
            Scrub(machine, 200, 7);
        }
        Assert.Equal(1, one.Shard.SweepExpired(200, 100));
        Assert.Equal(DigestOf(one, 200), DigestOf(other, 200));
        Assert.NotEqual(DigestOf(one, 100), DigestOf(other, 100));
    }

    [Theory]
    [InlineData("value")]
    [InlineData("contentType")]
    [InlineData("revision")]
    [InlineData("modified")]
    [InlineData("expires")]
    [InlineData("flags")]
    [InlineData("key")]
    [InlineData("meta")]
    public void Any_difference_shows_in_the_digest(string difference)
    {
        Put(Machine(one), "a", "1", 100);
        Put(Machine(other), "a", "1", 100);
        Assert.Equal(DigestOf(one, 100), DigestOf(other, 100));
        var key = "a"u8.ToArray();
        other.Shard.TryGet(key, out var entry);
        var batch = other.Shard.NewBatch();
        switch (difference)
        {
            case "key":
                batch.Put("b"u8, entry);
                break;
            case "meta":
                batch.PutMeta("r-id"u8, "outcome"u8);
                break;
            default:
                batch.Put(
                    key,
                    difference switch
                    {
                        "value" => entry with { Value = "2"u8.ToArray() },
                        "contentType" => entry with { ContentType = "text/html" },
                        "revision" => entry with { Version = new(2, 0) },
                        "modified" => entry with { ModifiedMs = 101 },
                        "expires" => entry with { ExpiresMs = 10_000 },
                        _ => entry with { Flags = (EntryFlags)2 },
                    }
                );
                break;
        }
        other.Shard.Apply(batch);
        Assert.NotEqual(DigestOf(one, 100), DigestOf(other, 100));
    }

    private static ShardStateMachine Machine(DiskStoreFixture fixture) => new(fixture.Shard);

    private static void Put(
        ShardStateMachine machine,
        string key,
        string value,
        long stampMs,
        long ttlMs = 0,
        string? requestId = null
    )
    {
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
            ContentType = "text/plain",
            TtlMs = ttlMs,
            RequestId = requestId,
        };
        Apply(machine, ShardCommandCodec.Encode([operation], atomic: false, stampMs, new(0, 600_000)));
    }

    private static void Scrub(ShardStateMachine machine, long stampMs, ulong id) =>
        Apply(machine, ShardCommandCodec.EncodeScrub(stampMs, id));

    private static void Apply(ShardStateMachine machine, byte[] command) =>
        machine.Apply(new(new(1), machine.Applied.Next, EntryKind.Command, command), null);

    private static UInt128 DigestOf(DiskStoreFixture fixture, long liveAtMs)
    {
        using var rows = fixture.Shard.ScanState();
        var digest = new StateDigest(rows, liveAtMs);
        Assert.False(digest.Read(long.MaxValue, out _));
        return digest.Value;
    }
}
