using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Tests;

public class KeyTimelinesTests
{
    private readonly KeyTimelines timelines = new();

    [Fact]
    public void A_key_that_nobody_wrote_is_absent_at_any_moment()
    {
        Assert.Equal(7ul, timelines.FindMoment("k1", 0, notBefore: 7));
        Assert.Null(timelines.FindMoment("k1", 1, notBefore: 0));
    }

    [Fact]
    public void A_revision_has_its_moments_from_its_write_to_the_next_one()
    {
        timelines.Saw(1, "k1", 1);
        timelines.Saw(2, "k2", 2);
        timelines.Saw(3, "k1", 3);
        Assert.Equal(0ul, timelines.FindMoment("k1", 0, notBefore: 0));
        Assert.Equal(1ul, timelines.FindMoment("k1", 1, notBefore: 0));
        Assert.Equal(2ul, timelines.FindMoment("k1", 1, notBefore: 2));
        Assert.Null(timelines.FindMoment("k1", 1, notBefore: 3));
        Assert.Equal(3ul, timelines.FindMoment("k1", 3, notBefore: 0));
        Assert.Equal(9ul, timelines.FindMoment("k1", 3, notBefore: 9));
    }

    [Fact]
    public void A_revision_that_is_not_committed_has_none()
    {
        timelines.Saw(1, "k1", 1);
        Assert.Null(timelines.FindMoment("k1", 2, notBefore: 0));
    }

    [Fact]
    public void A_deleted_key_is_absent_again()
    {
        timelines.Saw(1, "k1", 1);
        timelines.Saw(2, "k1", 0);
        timelines.Saw(3, "k1", 3);
        Assert.Equal(2ul, timelines.FindMoment("k1", 0, notBefore: 1));
        Assert.Null(timelines.FindMoment("k1", 0, notBefore: 3));
    }

    [Fact]
    public void A_write_that_changes_nothing_begins_no_new_moment()
    {
        timelines.Saw(1, "k1", 1);
        timelines.Saw(2, "k1", 1);
        Assert.Equal(1ul, timelines.FindMoment("k1", 1, notBefore: 0));
    }
}
