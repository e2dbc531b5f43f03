using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Raft;
using Xunit;

namespace Exapyte.Grains.Tests.Scrubs;

public sealed class ScrubRoundTests
{
    private static readonly ScrubKey Key = new(7, 100);

    [Fact]
    public void Members_whose_digests_are_alike_agree()
    {
        var round = Round(3, (1, 5), (2, 5), (3, 5));
        Assert.True(round.IsComplete);
        Assert.Equal([ScrubOutcome.Agrees, ScrubOutcome.Agrees, ScrubOutcome.Agrees], Outcomes(round, 3));
    }

    [Fact]
    public void The_one_that_differs_from_a_majority_is_damaged_before_all_have_answered()
    {
        var round = Round(5, (1, 5), (2, 5), (3, 6), (4, 5));
        Assert.False(round.IsComplete);
        Assert.Equal(ScrubOutcome.Damaged, round.OutcomeOf(new(3), isOver: false));
        Assert.Equal(ScrubOutcome.Agrees, round.OutcomeOf(new(4), isOver: false));
        Assert.Equal(ScrubOutcome.Running, round.OutcomeOf(new(5), isOver: false));
        Assert.Equal(ScrubOutcome.Incomplete, round.OutcomeOf(new(5), isOver: true));
    }

    [Fact]
    public void Two_that_differ_are_both_left_alone()
    {
        var round = Round(2, (1, 5), (2, 6));
        Assert.Equal([ScrubOutcome.NoMajority, ScrubOutcome.NoMajority], Outcomes(round, 2));
    }

    [Fact]
    public void Three_that_all_differ_are_left_alone()
    {
        var round = Round(3, (1, 5), (2, 6), (3, 7));
        Assert.Equal([ScrubOutcome.NoMajority, ScrubOutcome.NoMajority, ScrubOutcome.NoMajority], Outcomes(round, 3));
    }

    [Fact]
    public void One_that_cannot_read_its_state_is_damaged_whatever_the_others_say()
    {
        var round = Round(3);
        round.Take(new(2), new(Key, 5, "a block does not verify"));
        Assert.Equal(ScrubOutcome.Damaged, round.OutcomeOf(new(2), isOver: false));
        Assert.Contains("a block does not verify", round.Answers, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_minority_agrees_on_proves_nothing()
    {
        var round = Round(5, (1, 5), (2, 5));
        Assert.Equal(ScrubOutcome.Running, round.OutcomeOf(new(1), isOver: false));
        Assert.Equal(ScrubOutcome.Incomplete, round.OutcomeOf(new(1), isOver: true));
    }

    [Fact]
    public void A_learner_is_measured_by_the_voters_and_does_not_count_among_them()
    {
        var round = Round(3, (1, 5), (2, 5), (3, 5), (4, 9));
        Assert.Equal(ScrubOutcome.Damaged, round.OutcomeOf(new(4), isOver: true));
        round = Round(3, (1, 5), (4, 9), (5, 9));
        Assert.Equal(ScrubOutcome.Incomplete, round.OutcomeOf(new(4), isOver: true));
    }

    [Fact]
    public void An_answer_stands_once_it_is_given()
    {
        var round = Round(3, (1, 5), (2, 5), (3, 5));
        round.Take(new(3), new(Key, 6, null));
        Assert.Equal(ScrubOutcome.Agrees, round.OutcomeOf(new(3), isOver: true));
    }

    [Fact]
    public void Answers_and_verdicts_come_back_as_they_were_sent_and_nothing_else_passes_for_one()
    {
        var answer = new ScrubAnswer(Key, UInt128.MaxValue - 5, "the row 0x01 does not verify");
        Assert.Equal(answer, ScrubAnswer.Decode(answer.Encode()));
        var whole = new ScrubAnswer(Key, 17, null);
        Assert.Equal(whole, ScrubAnswer.Decode(whole.Encode()));
        var verdict = new ScrubVerdict(Key, ScrubOutcome.NoMajority);
        Assert.Equal(verdict, ScrubVerdict.Decode(verdict.Encode()));
        Assert.Null(ScrubAnswer.Decode(whole.Encode().AsMemory(1)));
        Assert.Null(ScrubAnswer.Decode(default));
        Assert.Null(ScrubVerdict.Decode(verdict.Encode().AsMemory(0, 16)));
        Assert.Null(ScrubVerdict.Decode(new ScrubVerdict(Key, (ScrubOutcome)99).Encode()));
    }

    [Fact]
    public void A_long_reason_is_cut()
    {
        var answer = new ScrubAnswer(Key, 0, new string('x', 10_000));
        Assert.Equal(400, ScrubAnswer.Decode(answer.Encode())!.Damage!.Length);
    }

    private static ScrubRound Round(int voters, params (ulong Member, int Digest)[] answers)
    {
        var round = new ScrubRound(Key, [.. Enumerable.Range(1, voters).Select(id => new MemberId((ulong)id))]);
        foreach (var (member, digest) in answers)
        {
            round.Take(new(member), new(Key, (UInt128)digest, null));
        }
        return round;
    }

    private static ScrubOutcome[] Outcomes(ScrubRound round, int members) =>
        [.. Enumerable.Range(1, members).Select(id => round.OutcomeOf(new((ulong)id), isOver: false))];
}
