using CsCheck;
using Exapyte.Testing.Linearizability;

namespace Exapyte.Simulation.Tests;

public class LinearizabilityCheckerTests
{
    [Fact]
    public void A_history_without_operations_is_linearizable() => Accept();

    [Fact]
    public void A_read_of_what_was_written_before_is_linearizable() => Accept(Write(1, 2, 7), Read(3, 4, 7));

    [Fact]
    public void A_read_that_misses_a_write_that_ended_before_it_is_not() => Refuse(Write(1, 2, 7), Read(3, 4, 0));

    [Fact]
    public void A_read_beside_a_write_may_see_either_state()
    {
        Accept(Write(1, 4, 7), Read(2, 3, 0));
        Accept(Write(1, 4, 7), Read(2, 3, 7));
    }

    [Fact]
    public void What_one_reader_has_seen_no_later_reader_may_miss() =>
        Refuse(Write(1, 10, 7), Read(2, 3, 7), Read(4, 5, 0));

    [Fact]
    public void Two_readers_may_not_see_two_writes_in_opposite_orders() =>
        Refuse(Write(1, 20, 7), Write(1, 20, 8), Read(2, 3, 7), Read(4, 5, 8), Read(6, 7, 7));

    [Fact]
    public void A_value_that_nobody_wrote_cannot_be_read() => Refuse(Write(1, 2, 7), Read(3, 4, 9));

    [Fact]
    public void A_write_without_an_answer_may_happen_late_or_never()
    {
        Accept(Unknown(1, 7), Read(2, 3, 0), Read(4, 5, 7));
        Accept(Unknown(1, 7), Read(2, 3, 0), Read(4, 5, 0));
    }

    [Fact]
    public void A_write_without_an_answer_cannot_happen_before_it_began() => Refuse(Read(1, 2, 7), Unknown(3, 7));

    [Fact]
    public void A_write_without_an_answer_happens_once() =>
        Refuse(Unknown(1, 7), Read(2, 3, 7), Write(4, 5, 8), Read(6, 7, 7));

    [Fact]
    public void A_condition_that_held_proves_what_was_there()
    {
        Accept(Write(1, 2, 7), WriteIf(3, 4, 8, expected: 7), Read(5, 6, 8));
        Refuse(Write(1, 2, 7), Write(3, 4, 9), WriteIf(5, 6, 8, expected: 7));
    }

    [Fact]
    public void Two_writes_cannot_both_have_met_the_same_value() =>
        Refuse(Write(1, 2, 7), WriteIf(3, 9, 8, expected: 7), WriteIf(3, 9, 9, expected: 7));

    [Fact]
    public void A_condition_that_failed_proves_that_something_else_was_there()
    {
        var failed = WriteIf(3, 4, 8, expected: 7) with { Outcome = KeyOutcome.ConditionFailed };
        Refuse(Write(1, 2, 7), failed);
        Accept(Write(1, 2, 9), failed);
    }

    [Fact]
    public void A_delete_leaves_nothing() =>
        Accept(Write(1, 2, 7), Write(3, 4, 0), Read(5, 6, 0), Write(7, 8, 9) with { Met = KeyMet.Absent });

    [Fact]
    public void A_write_that_replaced_something_cannot_be_the_first() =>
        Refuse(Write(1, 2, 7) with { Met = KeyMet.Present });

    [Fact]
    public void A_search_that_takes_too_long_says_so()
    {
        var history = Enumerable.Range(1, 40).Select(i => Unknown(i, (ulong)i)).Append(Read(100, 101, 99));
        Assert.Equal(LinearizabilityVerdict.Undecided, new LinearizabilityChecker().Check(history, triesMax: 10_000));
    }

    [Fact]
    public void Whatever_a_real_register_answers_is_linearizable() =>
        Gen.ULong.Sample(seed => Accept([.. RegisterHistory(seed)]), iter: 500, threads: 1);

    [Fact]
    public void It_agrees_with_trying_all_orders() =>
        Gen.ULong.Sample(
            seed =>
            {
                var history = RandomHistory(seed);
                var expected = TryAll(history, 0, 0)
                    ? LinearizabilityVerdict.Linearizable
                    : LinearizabilityVerdict.NotLinearizable;
                Assert.Equal(expected, new LinearizabilityChecker().Check(history));
            },
            iter: 3_000,
            threads: 1
        );

    private static void Accept(params KeyOperation[] history) =>
        Assert.Equal(LinearizabilityVerdict.Linearizable, new LinearizabilityChecker().Check(history));

    private static void Refuse(params KeyOperation[] history) =>
        Assert.Equal(LinearizabilityVerdict.NotLinearizable, new LinearizabilityChecker().Check(history));

    private static KeyOperation Read(long from, long to, ulong value) =>
        new()
        {
            BeganAt = from,
            EndedAt = to,
            Kind = KeyOperationKind.Read,
            Met = KeyMet.Value,
            MetValue = value,
        };

    private static KeyOperation Write(long from, long to, ulong value) =>
        new()
        {
            BeganAt = from,
            EndedAt = to,
            Kind = KeyOperationKind.Write,
            Value = value,
        };

    private static KeyOperation Unknown(long from, ulong value) =>
        Write(from, long.MaxValue, value) with
        {
            Outcome = KeyOutcome.Unknown,
        };

    private static KeyOperation WriteIf(long from, long to, ulong value, ulong expected) =>
        Write(from, to, value) with
        {
            Condition = KeyCondition.Is,
            ConditionValue = expected,
        };

    /// <summary>Operations that overlap, each taking place on one register at a moment between its begin and its end.</summary>
    private static IEnumerable<KeyOperation> RegisterHistory(ulong seed)
    {
        var chance = new Chance(seed);
        var planned = Enumerable
            .Range(1, chance.Between(1, 40))
            .Select(i =>
            {
                var at = 1_000 * i;
                return (From: at - chance.Between(1, 9_000), To: at + chance.Between(1, 9_000), Value: (ulong)i);
            });
        var state = 0ul;
        foreach (var (from, to, value) in planned.ToArray())
        {
            if (chance.OneIn(2))
            {
                yield return Read(from, to, state);
                continue;
            }
            var isUnknown = chance.OneIn(5);
            var happens = !isUnknown || chance.OneIn(2);
            state = happens ? value : state;
            yield return isUnknown ? Unknown(from, value) : Write(from, to, value);
        }
    }

    private static List<KeyOperation> RandomHistory(ulong seed)
    {
        var chance = new Chance(seed);
        List<KeyOperation> history = [];
        for (var i = 0; i < chance.Between(1, 6); i++)
        {
            var from = chance.Between(1, 10);
            var to = from + chance.Between(1, 6);
            var value = (ulong)chance.Below(3);
            history.Add(
                chance.Below(4) switch
                {
                    0 => Unknown(from, value),
                    1 => Write(from, to, value),
                    2 => WriteIf(from, to, value, (ulong)chance.Below(3)) with
                    {
                        Outcome = chance.OneIn(2) ? KeyOutcome.Done : KeyOutcome.ConditionFailed,
                    },
                    _ => Read(from, to, value),
                }
            );
        }
        return history;
    }

    /// <summary>The definition, word for word: some order of all operations that keeps to real time explains them.</summary>
    private static bool TryAll(List<KeyOperation> history, int done, ulong state)
    {
        if (done == (1 << history.Count) - 1)
        {
            return true;
        }
        for (var i = 0; i < history.Count; i++)
        {
            var isLeft = (done & (1 << i)) == 0;
            var isFree = !history
                .Where((other, j) => (done & (1 << j)) == 0 && other.EndedAt < history[i].BeganAt)
                .Any();
            if (isLeft && isFree && history[i].TryStep(state, out var after) && TryAll(history, done | (1 << i), after))
            {
                return true;
            }
        }
        return false;
    }
}
