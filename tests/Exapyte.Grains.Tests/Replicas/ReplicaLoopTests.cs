using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Tests.Replicas;

public class ReplicaLoopTests
{
    [Fact]
    public async Task A_write_is_done_although_older_ones_wait_at_places_that_were_given_anew()
    {
        var member = new LoopUnderTest();
        member.Elect();
        PendingWrite[] older = [member.Write("a"), member.Write("b"), member.Write("c"), member.Write("d")];

        // Another leader replaces all four by one entry, and then this member leads again.
        member.Overtake(new Term(2), older[0].Index);
        member.Elect();
        PendingWrite[] newer = [member.Write("e"), member.Write("f")];
        Assert.Equal([older[2].Index, older[3].Index], newer.Select(write => write.Index));
        member.Acknowledge();

        Assert.Equal([OutcomeKind.Ok, OutcomeKind.Ok], await Verdicts(newer));
        Assert.Equal(
            [OutcomeKind.Unavailable, OutcomeKind.Unavailable, OutcomeKind.Unknown, OutcomeKind.Unknown],
            await Verdicts(older)
        );
    }

    private static async Task<OutcomeKind[]> Verdicts(PendingWrite[] writes)
    {
        var verdicts = await Task.WhenAll(writes.Select(write => write.Completion))
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        return [.. verdicts.Select(verdict => verdict.Kind)];
    }
}
