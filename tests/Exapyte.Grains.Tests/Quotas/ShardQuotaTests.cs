using System.Text;
using CsCheck;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Tests.Replicas;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Quotas;

public sealed class ShardQuotaTests : IDisposable
{
    private static readonly Usage Endless = new(long.MaxValue, long.MaxValue);

    private readonly MachineUnderTest on = new() { Limits = new(2, 100) };

    public void Dispose() => on.Dispose();

    [Fact]
    public void A_put_beyond_the_quota_is_refused_and_changes_nothing()
    {
        Fill();
        var revision = on.Machine.Revision;

        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("c", "3")).Kind);

        Assert.Null(on.ValueOf("c"));
        Assert.Equal((revision, new Usage(2, 4)), (on.Machine.Revision, on.Machine.Usage.At(on.StampMs)));
    }

    [Fact]
    public void Where_it_is_full_entries_are_overwritten_and_deleted_and_what_was_deleted_makes_room()
    {
        Fill();

        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("a", "other")).Kind);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Delete("b")).Kind);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("c", "3")).Kind);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("b", "2")).Kind);
    }

    [Fact]
    public void Bytes_are_those_of_keys_and_values_and_a_put_that_takes_no_more_than_before_goes_on()
    {
        on.Limits = new(long.MaxValue, 10);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("ab", "12345678")).Kind);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("ab", "123456789")).Kind);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("c", "")).Kind);

        // Lowered below what is there.
        on.Limits = new(long.MaxValue, 5);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("ab", "87654321")).Kind);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("ab", "1234")).Kind);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("ab", "12345")).Kind);
        Assert.Equal("1234", on.ValueOf("ab"));
    }

    [Fact]
    public void An_atomic_batch_that_does_not_fit_happens_not_at_all_and_counts_nothing()
    {
        var refused = on.Batch(atomic: true, Put("a", "1"), Put("b", "2"), Put("c", "3"));

        Assert.Equal((2, OutcomeKind.QuotaExceeded), (refused.RefusedAt, refused.Writes[2].Kind));
        Assert.Equal(default(Usage), on.Machine.Usage.At(on.StampMs));
        Assert.Null(on.ValueOf("a"));
        Assert.Equal(-1, on.Batch(atomic: true, Put("a", "1"), Put("b", "2")).RefusedAt);
    }

    [Fact]
    public void Items_of_a_batch_are_judged_in_their_order_each_after_those_before_it()
    {
        Fill();

        var outcomes = on.Batch(
            atomic: false,
            Put("c", "3"),
            Delete("a"),
            Put("d", "4"),
            Put("d", "44"),
            Put("a", "1")
        );

        Assert.Equal(
            [OutcomeKind.QuotaExceeded, OutcomeKind.Ok, OutcomeKind.Ok, OutcomeKind.Ok, OutcomeKind.QuotaExceeded],
            outcomes.Writes.Select(write => write.Kind)
        );
        Assert.Equal(new Usage(2, 5), on.Machine.Usage.At(on.StampMs));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_request_that_found_no_room_is_judged_anew_and_one_that_happened_answers_as_it_did(bool atomic)
    {
        var first = Named("a", "first");
        Assert.Equal(OutcomeKind.Ok, on.Batch(atomic, first).Writes[0].Kind);
        on.Alone(Put("b", "2"));
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Batch(atomic, Named("c", "second")).Writes[0].Kind);

        Assert.Equal(OutcomeKind.Ok, on.Batch(atomic, first).Writes[0].Kind);
        on.Alone(Delete("b"));
        Assert.Equal(OutcomeKind.Ok, on.Batch(atomic, Named("c", "second")).Writes[0].Kind);
        Assert.Equal("value", on.ValueOf("c"));
    }

    [Fact]
    public void A_shard_that_gets_a_quota_counts_what_is_there_and_forgets_it_with_the_quota()
    {
        on.Limits = null;
        on.Alone(Put("ended", "long ago", ttlMs: 1));
        on.StampMs += 5_000;
        Fill();
        Assert.Null(on.Machine.Usage.At(on.StampMs));

        on.Limits = new(2, 100);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("c", "3")).Kind);
        Assert.Equal(new Usage(2, 4), on.Machine.Usage.At(on.StampMs));

        on.Limits = null;
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("c", "3")).Kind);
        on.Restart();
        Assert.Null(on.Machine.Usage.At(on.StampMs));
    }

    [Fact]
    public void What_has_expired_makes_room_though_nobody_has_removed_it()
    {
        on.Alone(Put("a", "1", ttlMs: 1_000));
        on.Alone(Put("b", "2", ttlMs: 1_000));
        on.StampMs += 900;
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("c", "3")).Kind);

        on.StampMs += 200;

        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("c", "3")).Kind);
        Assert.Equal(OutcomeKind.Ok, on.Alone(Put("a", "again")).Kind);
        Assert.Equal(OutcomeKind.QuotaExceeded, on.Alone(Put("d", "4")).Kind);
    }

    [Fact]
    public void Replicas_count_alike_whenever_they_remove_what_expired_and_restart()
    {
        var steps = Gen.Select(
            Gen.Int[0, 5],
            Gen.Int[0, 12],
            Gen.OneOf(Gen.Const(0L), Gen.Long[1, 5_000]),
            Gen.Long[0, 700],
            Gen.Int[0, 9]
        );
        steps
            .Array[1, 60]
            .Sample(
                run =>
                {
                    using var sweeper = new MachineUnderTest { Limits = new(4, 40) };
                    using var keeper = new MachineUnderTest { Limits = new(4, 40) };
                    foreach (var (key, bytes, ttlMs, passMs, what) in run)
                    {
                        sweeper.StampMs = keeper.StampMs += passMs;
                        var operation = what < 3 ? Delete($"k{key}") : Put($"k{key}", new('x', bytes), ttlMs);
                        Assert.Equal(keeper.Alone(operation), sweeper.Alone(operation));
                        if (what == 4)
                        {
                            sweeper.Sweep();
                        }
                        if (what == 5)
                        {
                            sweeper.Restart();
                        }
                        var counted = keeper.Machine.Usage.At(keeper.StampMs)!.Value;
                        Assert.Equal(counted, sweeper.Machine.Usage.At(sweeper.StampMs));
                        Assert.True(counted.Entries >= keeper.Live.Entries && counted.Bytes >= keeper.Live.Bytes);
                    }
                    // A thirty-second of the longest lifetime later nothing that ended counts any more.
                    Usage LiveThen(MachineUnderTest machine) => machine.Live;
                    sweeper.StampMs = keeper.StampMs += 5_000 + (5_000 / 32) + 64;
                    Assert.Equal(LiveThen(keeper), keeper.Machine.Usage.At(keeper.StampMs));
                    Assert.Equal(LiveThen(sweeper), sweeper.Machine.Usage.At(sweeper.StampMs));
                },
                iter: 40
            );
    }

    [Fact]
    public void However_many_lifetimes_there_are_they_are_summed_up_in_few_rows()
    {
        on.Limits = Endless;
        for (var i = 1; i <= 2_000; i++)
        {
            on.Alone(Put($"k{i}", "", ttlMs: i * 1_000));
        }
        Assert.InRange(on.CountRows('v'), 1, 400);
        Assert.Equal(2_000, on.Machine.Usage.At(on.StampMs)!.Value.Entries);
    }

    private void Fill()
    {
        on.Alone(Put("a", "1"));
        on.Alone(Put("b", "2"));
    }

    private static Operation Put(string key, string value, long ttlMs = 0) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
            TtlMs = ttlMs,
        };

    private static Operation Named(string key, string requestId) => Put(key, "value") with { RequestId = requestId };

    private static Operation Delete(string key) =>
        new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes(key) };
}
