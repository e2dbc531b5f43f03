using System.Text;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class NamedRequestTests : IDisposable
{
    private readonly MachineUnderTest shard = new();

    public void Dispose() => shard.Dispose();

    public static TheoryData<string> Changes =>
        ["key", "value", "type", "lifetime", "condition", "kind", "batch of one", "atomic batch of one"];

    [Theory]
    [MemberData(nameof(Changes))]
    public void An_id_with_another_request_is_refused_and_changes_nothing(string change)
    {
        var put = Put("a", "1") with { RequestId = "id", TtlMs = 5_000 };
        Assert.Equal(OutcomeKind.Ok, shard.Alone(put).Kind);
        var revision = shard.Machine.Revision;

        var outcome = change switch
        {
            "key" => shard.Alone(put with { Key = Bytes("b") }),
            "value" => shard.Alone(put with { Value = Bytes("2") }),
            "type" => shard.Alone(put with { ContentType = "text/plain" }),
            "lifetime" => shard.Alone(put with { TtlMs = 6_000 }),
            "condition" => shard.Alone(put with { Condition = WriteCondition.IfPresent }),
            "kind" => shard.Alone(
                new()
                {
                    Kind = OperationKind.Delete,
                    Key = put.Key,
                    RequestId = "id",
                }
            ),
            "batch of one" => shard.Batch(atomic: false, put).Writes[0],
            _ => shard.Batch(atomic: true, put).Writes[0],
        };

        Assert.Equal(OutcomeKind.RequestIdReused, outcome.Kind);
        Assert.Equal(revision, shard.Machine.Revision);
        Assert.Equal(("1", null), (shard.ValueOf("a"), shard.ValueOf("b")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_batch_sent_again_answers_the_same_and_applies_once(bool atomic)
    {
        Operation[] batch = [Put("a", "1", "id") with { TtlMs = 5_000 }, Put("b", "1", "id"), Delete("c", "id")];
        var first = shard.Batch(atomic, batch);
        shard.Alone(Put("a", "newer"));
        shard.Restart();
        var again = shard.Batch(atomic, batch);

        Assert.Equal(first.Writes, again.Writes);
        Assert.Equal(6_000, again.Writes[0].ExpiresMs);
        Assert.Equal("newer", shard.ValueOf("a"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Another_batch_under_the_id_is_refused_whole(bool atomic)
    {
        Operation[] batch = [Put("a", "1", "id"), Put("b", "1", "id")];
        shard.Batch(atomic, batch);
        var revision = shard.Machine.Revision;

        AppliedCommand[] others =
        [
            shard.Batch(atomic, [.. batch, Put("c", "1", "id")]),
            shard.Batch(atomic, batch[0]),
            shard.Batch(atomic, batch[1], batch[0]),
            shard.Batch(!atomic, batch),
            shard.Batch(atomic, batch[0], batch[1] with { Value = Bytes("2") }),
            shard.Batch(atomic, [new() { Kind = OperationKind.Get, Key = Bytes("a") }, .. batch]),
        ];

        Assert.All(others, other => Assert.Contains(other.Writes, write => write.Kind == OutcomeKind.RequestIdReused));
        Assert.All(others, other => Assert.DoesNotContain(other.Writes, write => write.Kind == OutcomeKind.Ok));
        Assert.Equal(revision, shard.Machine.Revision);
        Assert.Null(shard.ValueOf("c"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_atomic_batch_under_a_used_id_names_the_first_item_whose_place_the_id_had_written(bool atomic)
    {
        shard.Batch(atomic, new Operation { Kind = OperationKind.Get, Key = Bytes("a") }, Put("b", "1", "id"));
        shard.Restart();

        Assert.Equal(1, shard.Batch(atomic: true, Put("x", "1", "id"), Put("b", "1", "id")).RefusedAt);
        Assert.Equal(0, shard.Batch(atomic: true, Put("x", "1", "id")).RefusedAt);
    }

    [Fact]
    public void A_batch_that_comes_in_parts_is_one_request()
    {
        var batch = RequestFingerprint.Name([Put("a", "1", "id"), Put("b", "1", "id")], atomic: false);
        shard.Raw(atomic: false, batch[0]);
        shard.StampMs += 1;
        Assert.Equal(OutcomeKind.Ok, shard.Raw(atomic: false, batch[1]).Writes[0].Kind);
        Assert.Equal(2UL, shard.Machine.Revision);

        shard.Raw(atomic: false, [.. batch]);
        Assert.Equal(2UL, shard.Machine.Revision);
    }

    [Fact]
    public void An_atomic_batch_that_was_refused_stays_refused_by_the_same_item()
    {
        Operation[] batch = [Put("a", "1", "id"), Put("b", "1", "id") with { Condition = WriteCondition.IfPresent }];
        var first = shard.Batch(atomic: true, batch);
        shard.Alone(Put("b", "now there"));
        var again = shard.Batch(atomic: true, batch);

        Assert.Equal((1, 1), (first.RefusedAt, again.RefusedAt));
        Assert.Equal(first.Writes, again.Writes);
        Assert.Null(shard.ValueOf("a"));
    }

    [Fact]
    public void A_refused_atomic_batch_names_the_write_that_decided()
    {
        for (var at = 0; at < 5; at++)
        {
            var batch = Enumerable.Range(0, 5).Select(i => Put($"k{i}", "1")).ToArray();
            batch[at] = batch[at] with { Condition = WriteCondition.IfPresent };
            Assert.Equal(at, shard.Batch(atomic: true, batch).RefusedAt);
        }
        Assert.Equal(0UL, shard.Machine.Revision);
    }

    [Fact]
    public void What_an_earlier_version_remembered_of_single_writes_is_recognised()
    {
        var put = Put("a", "1", "id");
        var first = shard.Raw(atomic: false, put).Writes[0];
        shard.Alone(Put("a", "newer"));
        shard.Restart();

        Assert.Equal(first with { ExpiresMs = 0 }, shard.Alone(put));
        Assert.Equal(OutcomeKind.RequestIdReused, shard.Alone(put with { Value = Bytes("2") }).Kind);
        Assert.Equal("newer", shard.ValueOf("a"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_an_earlier_version_remembered_of_batches_is_recognised(bool atomic)
    {
        Operation[] batch = [Put("a", "1", "id"), Put("b", "1", "id")];
        var first = shard.Raw(atomic, [.. batch.Select((put, at) => put with { RequestId = $"id#{at}" })]);
        shard.Alone(Put("a", "newer"));
        shard.Restart();

        Assert.Equal(first.Writes, shard.Batch(atomic, batch).Writes);
        var other = shard.Batch(atomic, batch[0] with { Value = Bytes("2") }, batch[1]);
        Assert.Equal(OutcomeKind.RequestIdReused, other.Writes[0].Kind);
        Assert.Equal(("newer", "1"), (shard.ValueOf("a"), shard.ValueOf("b")));
    }

    [Fact]
    public void An_atomic_batch_of_which_an_earlier_version_remembered_a_part_is_another_request()
    {
        shard.Raw(atomic: true, Put("a", "1", "id#0"));

        var longer = shard.Batch(atomic: true, Put("a", "1", "id"), Put("b", "1", "id"));

        Assert.Equal((1, OutcomeKind.RequestIdReused), (longer.RefusedAt, longer.Writes[1].Kind));
        Assert.Null(shard.ValueOf("b"));
    }

    [Fact]
    public void A_retry_by_an_earlier_version_that_cannot_be_compared_is_refused()
    {
        shard.Alone(Put("a", "1", "alone"));
        shard.Batch(atomic: true, Put("b", "1", "batch"), Put("c", "1", "batch"));
        shard.Restart();

        Assert.Equal(OutcomeKind.RequestIdReused, shard.Raw(atomic: false, Put("a", "1", "alone")).Writes[0].Kind);
        Assert.Equal(OutcomeKind.RequestIdReused, shard.Raw(atomic: false, Put("c", "1", "batch#1")).Writes[0].Kind);
        Assert.Equal(3UL, shard.Machine.Revision);
    }

    [Fact]
    public void Requests_are_forgotten_after_their_window_with_all_their_rows()
    {
        shard.Alone(Put("a", "1", "alone"));
        shard.Batch(atomic: false, Put("b", "1", "parts"), Put("c", "1", "parts"));
        shard.Batch(atomic: true, Put("d", "1", "atomic"), Put("e", "1", "atomic"));
        shard.Raw(atomic: false, Put("f", "1", "unnamed"));
        Assert.Equal(12, shard.RequestRows);
        shard.StampMs += 60_000;
        Assert.Equal(OutcomeKind.RequestIdReused, shard.Alone(Put("a", "2", "alone")).Kind);

        shard.StampMs += 1;
        shard.Alone(Put("z", "1"));

        Assert.Equal(0, shard.RequestRows);
        Assert.Equal(OutcomeKind.Ok, shard.Alone(Put("a", "2", "alone")).Kind);
    }

    private static Operation Put(string key, string value, string? requestId = null) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Bytes(key),
            Value = Bytes(value),
            RequestId = requestId,
        };

    private static Operation Delete(string key, string requestId) =>
        new()
        {
            Kind = OperationKind.Delete,
            Key = Bytes(key),
            RequestId = requestId,
        };

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);
}
