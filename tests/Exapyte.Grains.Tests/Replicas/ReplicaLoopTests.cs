using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
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

    [Fact]
    public async Task Reads_of_a_batch_see_its_own_place_although_a_later_one_is_applied_with_it()
    {
        var member = new LoopUnderTest();
        member.Elect();
        var first = member.Write(Put("a", "1"), Get("a"), Get("b"));
        var second = member.Write(Get("a"), Put("a", "2"), Put("b", "2"), Get("b"));
        member.Acknowledge();

        Assert.Equal(["1", "NotFound"], (await first.Completion).Reads.Select(MachineUnderTest.Text));
        Assert.Equal(["1", "2"], (await second.Completion).Reads.Select(MachineUnderTest.Text));
    }

    [Fact]
    public async Task Reads_that_need_no_proof_are_answered_at_once_and_all_from_one_state()
    {
        var member = new LoopUnderTest();
        member.Elect();
        member.Write(Put("a", "1"), Put("b", "1"));
        var before = member.Read(needsProof: false, Get("a"), Get("b"));
        var proven = member.Read(needsProof: true, Get("a"), Get("b"));
        Assert.Equal(["NotFound", "NotFound"], (await before.Completion).Outcomes!.Select(MachineUnderTest.Text));
        Assert.False(proven.Completion.IsCompleted);
        member.Acknowledge();

        var after = member.Read(needsProof: false, Get("a"), Get("b"));
        Assert.Equal(["1", "1"], (await after.Completion).Outcomes!.Select(MachineUnderTest.Text));
    }

    private static Operation Put(string key, string value) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = System.Text.Encoding.UTF8.GetBytes(key),
            Value = System.Text.Encoding.UTF8.GetBytes(value),
        };

    private static Operation Get(string key) =>
        new() { Kind = OperationKind.Get, Key = System.Text.Encoding.UTF8.GetBytes(key) };

    private static async Task<OutcomeKind[]> Verdicts(PendingWrite[] writes)
    {
        var verdicts = await Task.WhenAll(writes.Select(write => write.Completion))
            .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        return [.. verdicts.Select(verdict => verdict.Kind)];
    }
}
