using Exapyte.Grains.Replicas.Raft;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>What a replica asks for, and what others see of it.</summary>
public class ReplicaStepTests
{
    private readonly LoopUnderTest member = new();

    [Fact]
    public void The_view_shows_a_write_before_its_caller_is_answered()
    {
        member.Elect();
        var seen = 0ul;
        var write = member.Write("a");
        member.BeforeAnswers = () => seen = member.Replica.View.Revision;
        member.Acknowledge();

        Assert.True(write.IsDone);
        Assert.Equal(1ul, seen);
    }

    [Fact]
    public void What_is_to_be_written_or_sent_leaves_before_anything_is_applied()
    {
        member.Elect();
        member.Write("a");
        List<(bool HasOutput, ulong Applied)> steps = [];
        member.BeforeAnswers = () => steps.Add((member.HadOutput, member.Replica.View.AppliedIndex.Value));
        var before = member.Replica.View.AppliedIndex.Value;
        member.Acknowledge();

        Assert.All(steps.TakeWhile(step => step.HasOutput), step => Assert.Equal(before, step.Applied));
        // The empty entry that a term begins with, and the write.
        Assert.Equal(before + 2, steps[^1].Applied);
        Assert.Contains(steps, step => step.HasOutput);
    }

    [Fact]
    public void A_leader_that_is_found_damaged_answers_nothing_more_hands_over_and_then_stops()
    {
        member.Elect();
        member.Acknowledge();

        member.Take(new ReplicaInput.DamageFound("a row does not verify"));

        var health = member.Replica.View.Health;
        Assert.Equal((true, true, false), (health.IsDamaged, health.IsSilent, health.IsStopped));
        Assert.Equal(new MemberId(2), member.Replica.View.TransferTarget);
        Assert.Single(member.Asked.OfType<ReplicaEffect.Condemned>());

        member.Follow(new Term(9));
        Assert.True(member.Replica.View.Health.IsStopped);
    }

    [Fact]
    public void A_damaged_leader_to_whom_nobody_listens_stops_after_two_seconds()
    {
        member.Elect();
        member.Acknowledge();
        member.Take(new ReplicaInput.DamageFound("a row does not verify"));

        member.Tick(20);

        Assert.True(member.Replica.View.Health.IsStopped);
    }

    [Fact]
    public async Task A_replica_that_stops_tells_all_who_wait_and_all_who_come()
    {
        member.Elect();
        member.Acknowledge();
        var write = member.Write("a");
        var read = member.Read(needsProof: true);
        var stopped = new TaskCompletionSource();

        member.Take(new ReplicaInput.Stop("It has been stopped.", stopped));

        Assert.Equal(OutcomeKind.Unknown, (await write.Completion).Kind);
        Assert.Equal(OutcomeKind.Unavailable, (await read.Completion).Kind);
        Assert.Equal(OutcomeKind.Unavailable, (await member.Write("b").Completion).Kind);
        Assert.Same(stopped, Assert.Single(member.Asked.OfType<ReplicaEffect.TellStopped>()).Stopped);
    }

    [Fact]
    public async Task An_effect_that_cannot_be_executed_stops_the_replica_and_nothing_is_thrown()
    {
        member.Elect();
        var write = member.Write("a");

        member.Take(new ReplicaInput.EffectFailed(new InvalidOperationException("broken")));

        Assert.Equal(OutcomeKind.Unknown, (await write.Completion).Kind);
        Assert.True(member.Replica.View.Health.IsSilent);
        Assert.Equal("broken", Assert.Single(member.Asked.OfType<ReplicaEffect.Failed>()).Cause.Message);
    }
}
