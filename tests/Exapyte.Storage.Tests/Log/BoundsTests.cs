using Exapyte.Storage.Log;
using Exapyte.Testing.Files;

namespace Exapyte.Storage.Tests.Log;

public class BoundsTests
{
    [Fact]
    public void A_fill_step_that_is_smaller_than_the_head_of_a_segment_is_refused_by_name()
    {
        var wrong = LogKit.Small with { FillStepBytes = 4 << 10 };

        var refusal = Assert.Throws<InvalidOperationException>(wrong.Validate);

        Assert.Contains("FillStepBytes", refusal.Message);
    }

    [Fact]
    public void The_smallest_fill_step_that_is_taken_serves()
    {
        var least = LogKit.Small with { FillStepBytes = 8 << 10 };
        least.Validate();
        using var log = LogKit.Open(new SimulatedFiles(), least);

        log.StepOk(log.Create(7));
        log.StepOk(log.Append(7, LogKit.Entry(1, 1, bytes: 20_000)));

        Assert.Equal(20_000, Assert.Single(log.ReadAll(7)).Payload.Length);
    }

    [Fact]
    public void A_stepped_log_has_room_for_as_many_operations_as_one_with_a_thread()
    {
        using var log = LogKit.Open(new SimulatedFiles(), LogKit.Small with { QueuedOperationsMax = 2 });

        var taken = new[] { log.Append(7, LogKit.Entry(1, 1, "a")), log.Append(7, LogKit.Entry(1, 2, "b")) };
        var refused = log.Append(7, LogKit.Entry(1, 3, "c"));

        Assert.All(taken, one => Assert.Null(one.Result));
        Assert.Equal(LogAppendStatus.Overloaded, refused.Result!.Value.Status);
        log.Step();
        Assert.Null(log.Append(7, LogKit.Entry(1, 3, "c")).Result);
    }
}
