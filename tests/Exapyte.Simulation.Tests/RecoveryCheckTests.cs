using Exapyte.Raft;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Tests;

public class RecoveryCheckTests
{
    private readonly RecoveryCheck check = new();

    [Fact]
    public void What_survives_of_several_groups_is_the_beginning_of_what_the_node_wrote()
    {
        check.Saw(BookOf(1, 3, 4), survived: 2, survivedAtMost: 2);
        check.Saw(BookOf(2, 5), survived: 1, survivedAtMost: 1);
        check.RequireOneOrder();
    }

    [Fact]
    public void A_change_does_not_survive_one_of_another_group_that_came_before_it()
    {
        check.Saw(BookOf(1, 3), survived: 1, survivedAtMost: 1);
        check.Saw(BookOf(2, 4), survived: 2, survivedAtMost: 2);
        Assert.Equal("survived-out-of-order", Assert.Throws<ViolationException>(check.RequireOneOrder).Rule);
    }

    [Fact]
    public void A_change_that_leaves_all_as_it_was_may_be_there_or_not()
    {
        check.Saw(BookOf(1, 3), survived: 1, survivedAtMost: 2);
        check.Saw(BookOf(2, 4), survived: 2, survivedAtMost: 2);
        check.RequireOneOrder();
    }

    [Fact]
    public void A_change_behind_one_that_was_refused_cannot_have_survived()
    {
        var book = new DurableLog();
        book.Submitted(new(null, [new LogEntry(new(1), new(1), EntryKind.Empty, default)], Order: 1));
        // Entry 2 was refused, and its owner had not heard of that.
        book.Submitted(new(null, [new LogEntry(new(1), new(3), EntryKind.Empty, default)], Order: 2));

        book.Recovered(survived: 2);

        Assert.Equal(1ul, book.Last);
    }

    private static DurableLog BookOf(params long[] orders)
    {
        var book = new DurableLog();
        foreach (var order in orders)
        {
            book.Submitted(new(new HardState(new((ulong)order), default, default), [], order));
        }
        return book;
    }
}
