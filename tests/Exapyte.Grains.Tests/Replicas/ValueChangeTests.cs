using System.Numerics;
using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>Increments and merge patches as a shard's log applies them.</summary>
public sealed class ValueChangeTests : IDisposable
{
    private static readonly long[] Extremes = [long.MaxValue, long.MinValue, -1];
    private static readonly string[] Parts = ["{", "}", "\"", "a", ":", ",", "1", "\\u", "d8", "00", "[", "]", "null"];

    private readonly MachineUnderTest shard = new();

    public void Dispose() => shard.Dispose();

    [Fact]
    public void An_increment_adds_to_the_number_that_is_there_and_begins_at_zero()
    {
        var first = shard.Alone(Increment("a", 5));
        var second = shard.Alone(Increment("a", -7));

        Assert.Equal((OutcomeKind.Ok, 5L, true), (first.Kind, first.Number, first.Changed));
        Assert.Equal((OutcomeKind.Ok, -2L, false), (second.Kind, second.Number, second.Changed));
        Assert.Equal("-2", shard.ValueOf("a"));
        Assert.Equal("-2", Encoding.ASCII.GetString(second.ToOutcome(life: 7).Value.Span));
    }

    [Fact]
    public void Increments_of_one_batch_see_each_other_and_what_is_put_and_deleted_between_them()
    {
        var outcomes = shard
            .Batch(
                atomic: false,
                Increment("a", 1),
                Increment("a", 1),
                new() { Kind = OperationKind.Delete, Key = "a"u8.ToArray() },
                Increment("a", 10),
                Put("a", " 41\n"),
                Increment("a", 1)
            )
            .Writes;

        Assert.Equal([1L, 2L, null, 10L, null, 42L], outcomes.Select(write => write.Number));
        Assert.Equal("42", shard.ValueOf("a"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x")]
    [InlineData("1.0")]
    [InlineData("1e3")]
    [InlineData("+1")]
    [InlineData("01")]
    [InlineData("-")]
    [InlineData("1 2")]
    [InlineData("\"1\"")]
    [InlineData("9223372036854775808")]
    public void What_is_no_integer_of_64_bits_is_not_counted_up_and_stays(string value)
    {
        shard.Alone(Put("a", value));

        Assert.Equal(OutcomeKind.NotAnInteger, shard.Alone(Increment("a", 1)).Kind);
        Assert.Equal(value, shard.ValueOf("a"));
    }

    [Fact]
    public void Sums_are_those_of_integers_and_one_beyond_64_bits_is_refused()
    {
        var numbers = Gen.OneOf(Gen.Long, Gen.Long[-3, 3], Gen.Int[0, 2].Select(i => Extremes[i]));
        Gen.Select(numbers, numbers)
            .Sample(
                (before, by) =>
                {
                    var key = $"{before}";
                    shard.Alone(Put(key, $"{before}"));
                    var sum = (BigInteger)before + by;
                    var isInside = sum >= long.MinValue && sum <= long.MaxValue;

                    var outcome = shard.Alone(Increment(key, by));

                    Assert.Equal(isInside ? OutcomeKind.Ok : OutcomeKind.OutOfRange, outcome.Kind);
                    Assert.Equal(isInside ? $"{sum}" : $"{before}", shard.ValueOf(key));
                },
                iter: 300,
                threads: 1
            );
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_increment_sent_again_answers_the_same_number_also_after_a_restart_and_counts_once(bool atomic)
    {
        Operation[] batch =
        [
            Increment("a", 3) with
            {
                RequestId = "batch",
            },
            Put("b", "x") with
            {
                RequestId = "batch",
            },
        ];
        var alone = Increment("a", 4) with { RequestId = "alone" };
        var first = shard.Batch(atomic, batch).Writes;
        var second = shard.Alone(alone);
        shard.Alone(Increment("a", 100));
        shard.Restart();

        Assert.Equal((3L, 7L), (first[0].Number, second.Number));
        Assert.Equal(first, shard.Batch(atomic, batch).Writes);
        Assert.Equal(second, shard.Alone(alone));
        Assert.Equal(OutcomeKind.RequestIdReused, shard.Alone(alone with { Value = "5"u8.ToArray() }).Kind);
        Assert.Equal("107", shard.ValueOf("a"));
    }

    [Fact]
    public void A_refused_increment_takes_the_whole_atomic_batch_with_it()
    {
        shard.Alone(Put("text", "x"));

        var refused = shard.Batch(atomic: true, Increment("a", 1), Increment("text", 1));

        Assert.Equal((1, OutcomeKind.NotAnInteger), (refused.RefusedAt, refused.Writes[1].Kind));
        Assert.Null(shard.ValueOf("a"));
    }

    [Fact]
    public void A_lifetime_is_that_of_what_an_increment_creates_and_what_is_there_keeps_its_end()
    {
        var created = shard.Alone(Increment("a", 1) with { TtlMs = 500 });
        shard.StampMs += 100;
        var counted = shard.Alone(Increment("a", 1) with { TtlMs = 9_000 });
        shard.StampMs += 1_000;
        var anew = shard.Alone(Increment("a", 1) with { TtlMs = 500 });

        Assert.Equal((1_500L, 1_500L, 2_600L), (created.ExpiresMs, counted.ExpiresMs, anew.ExpiresMs));
        Assert.Equal((1L, 2L, 1L), (created.Number, counted.Number, anew.Number));
    }

    [Fact]
    public void Conditions_of_increments_and_patches_are_judged_first()
    {
        var put = shard.Alone(Put("a", "1"));
        var stale = Increment("a", 1) with { Condition = WriteCondition.IfVersion(new(99)) };
        var right = Increment("a", 1) with { Condition = WriteCondition.IfVersion(put.Version) };

        Assert.Equal(OutcomeKind.PreconditionFailed, shard.Alone(stale).Kind);
        Assert.Equal(2L, shard.Alone(right).Number);
        Assert.Equal(
            OutcomeKind.PreconditionFailed,
            shard.Alone(Merge("b", "{}") with { Condition = WriteCondition.IfPresent }).Kind
        );
        Assert.Null(shard.ValueOf("b"));
    }

    // The examples of RFC 7396, appendix A.
    [Theory]
    [InlineData("{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}")]
    [InlineData("{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}")]
    [InlineData("{\"a\":\"b\"}", "{\"a\":null}", "{}")]
    [InlineData("{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}")]
    [InlineData("{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}")]
    [InlineData("{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}")]
    [InlineData("{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}")]
    [InlineData("{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}")]
    [InlineData("[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]")]
    [InlineData("{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]")]
    [InlineData("{\"a\":\"foo\"}", "null", "null")]
    [InlineData("{\"a\":\"foo\"}", "\"bar\"", "\"bar\"")]
    [InlineData("{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}")]
    [InlineData("[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}")]
    [InlineData("{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}")]
    [InlineData(null, "{\"a\":1,\"b\":null}", "{\"a\":1}")]
    // What is not touched keeps its bytes; names are compared as text, and the last of two counts.
    [InlineData("{ \"x\" : [1.50,  2e1], \"\\u0061\": 1 }", "{\"a\": 2}", "{\"x\":[1.50,  2e1],\"\\u0061\":2}")]
    [InlineData("{\"a\":1,\"b\":2,\"a\":3}", "{\"b\":4}", "{\"a\":3,\"b\":4}")]
    public void A_patch_makes_what_the_standard_says(string? document, string patch, string expected)
    {
        if (document is not null)
        {
            shard.Alone(Put("a", document));
        }

        var outcome = shard.Alone(Merge("a", patch));

        Assert.Equal((OutcomeKind.Ok, document is null), (outcome.Kind, outcome.Changed));
        Assert.Equal(expected, shard.ValueOf("a"));
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData("text", "{}")]
    [InlineData("{\"a\":1", "{}")]
    [InlineData("{} {}", "{}")]
    [InlineData("{\"\\ud800\":1}", "{\"a\":1}")]
    [InlineData("{}", "{\"a\":")]
    [InlineData("{}", "{\"\\ud800\":1}")]
    public void What_is_no_json_is_not_patched_and_stays(string document, string patch)
    {
        shard.Alone(Put("a", document));

        Assert.Equal(OutcomeKind.NotJson, shard.Alone(Merge("a", patch)).Kind);
        Assert.Equal(document, shard.ValueOf("a"));
    }

    [Fact]
    public void Bytes_of_any_kind_are_patched_or_refused_and_never_throw()
    {
        var bytes = Gen.OneOf(
            Gen.Byte.Array[0, 30],
            Gen.Int[0, Parts.Length - 1]
                .Select(i => Parts[i])
                .Array[0, 12]
                .Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts)))
        );
        Gen.Select(bytes, bytes).Sample((document, patch) => _ = MergePatch.Apply(document, patch), iter: 20_000);
    }

    [Fact]
    public void A_patch_keeps_the_end_of_the_entry_unless_it_names_one()
    {
        shard.Alone(Put("a", "{}") with { TtlMs = 5_000 });
        shard.StampMs += 100;
        var kept = shard.Alone(Merge("a", "{\"b\":1}"));
        var named = shard.Alone(Merge("a", "{\"b\":2}") with { TtlMs = 7_000 });
        var never = shard.Alone(Merge("a", "{\"b\":3}") with { TtlMs = Operation.NeverExpires });

        Assert.Equal((6_000L, 8_100L, 0L), (kept.ExpiresMs, named.ExpiresMs, never.ExpiresMs));
    }

    [Fact]
    public void A_patch_whose_result_is_larger_than_a_value_may_be_is_refused()
    {
        var most = new string('x', Limits.ValueBytesMax - 20);
        shard.Alone(Put("a", $"{{\"a\":\"{most}\"}}"));

        Assert.Equal(OutcomeKind.ValueTooLarge, shard.Alone(Merge("a", "{\"b\":\"more than is left\"}")).Kind);
        Assert.Equal(OutcomeKind.Ok, shard.Alone(Merge("a", "{\"a\":null,\"b\":\"more than is left\"}")).Kind);
        Assert.True(
            JsonNode.DeepEquals(JsonNode.Parse("{\"b\":\"more than is left\"}"), JsonNode.Parse(shard.ValueOf("a")!))
        );
    }

    private static Operation Increment(string key, long by) =>
        new()
        {
            Kind = OperationKind.Increment,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.ASCII.GetBytes($"{by}"),
        };

    private static Operation Merge(string key, string patch) => Of(OperationKind.Merge, key, patch);

    private static Operation Put(string key, string value) => Of(OperationKind.Put, key, value);

    private static Operation Of(OperationKind kind, string key, string value) =>
        new()
        {
            Kind = kind,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };
}
