using CsCheck;

namespace Exapyte.Raft.Tests.Safety;

public class SafetyTests
{
    [Fact]
    public void No_order_of_events_breaks_the_properties_of_figure_3_and_a_healed_group_makes_progress() =>
        Gen.ULong.Sample(seed => new RandomRun(seed).Go(steps: 10_000), iter: 100, threads: 2);

    [Fact]
    public void The_random_runs_do_what_they_are_for()
    {
        int elections = 0,
            commands = 0,
            reads = 0,
            changes = 0;
        for (var seed = 1ul; seed <= 20; seed++)
        {
            var run = new RandomRun(seed);
            run.Go(steps: 10_000);
            elections += run.History.Elections;
            commands += run.History.CommandsCommitted;
            changes += run.History.ChangesCommitted;
            reads += run.History.ReadsDone;
        }

        TestContext.Current.SendDiagnosticMessage(
            "{0} elections, {1} commands, {2} reads, {3} changes",
            elections,
            commands,
            reads,
            changes
        );
        Assert.InRange(elections, 100, int.MaxValue);
        Assert.InRange(commands, 1000, int.MaxValue);
        Assert.InRange(changes, 60, int.MaxValue);
        Assert.InRange(reads, 500, int.MaxValue);
    }
}
