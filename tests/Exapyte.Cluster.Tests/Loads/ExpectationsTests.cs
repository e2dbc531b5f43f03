using Exapyte.Load;
using Xunit;

namespace Exapyte.Cluster.Tests.Loads;

/// <summary>The judge of recorded scenarios is shown runs that miss what is expected, and says so.</summary>
public sealed class ExpectationsTests
{
    const string Connections = "concurrent_client_connections";

    [Fact]
    public void Goodput_that_stays_up_past_saturation_with_the_excess_refused_is_as_expected() =>
        Assert.Empty(
            Expectations.Missed(Connections, [Run(1, 1_000), Run(16, 9_500), Run(64, 10_000), Shed(256, 8_100)])
        );

    [Fact]
    public void Goodput_that_falls_past_twice_saturation_is_missed()
    {
        var missed = Expectations.Missed(
            Connections,
            [Run(1, 1_000), Run(16, 9_500), Run(32, 7_900), Shed(256, 10_000)]
        );
        Assert.Contains("32 connections", Assert.Single(missed), StringComparison.Ordinal);
    }

    [Fact]
    public void Before_twice_saturation_nothing_is_asked_of_goodput() =>
        Assert.Empty(Expectations.Missed(Connections, [Run(1, 10), Run(16, 9_500), Run(24, 7_000), Shed(256, 9_000)]));

    [Fact]
    public void Of_several_rounds_the_median_counts() =>
        Assert.Empty(
            Expectations.Missed(
                Connections,
                [Run(16, 10_000), Shed(64, 1), Run(16, 10_000), Shed(64, 9_000), Run(16, 10_000), Shed(64, 9_100)]
            )
        );

    [Fact]
    public void A_service_that_never_refuses_is_missed() =>
        Assert.Contains("429", Assert.Single(Expectations.Missed(Connections, [Run(1, 10), Run(256, 10)])));

    [Theory]
    [InlineData("503")]
    [InlineData("404")]
    [InlineData("no answer")]
    public void An_answer_that_is_no_success_is_missed(string status)
    {
        var run = Run(8, 1_000) with
        {
            ByStatus = new Dictionary<string, long> { ["200"] = 9, [status] = 1 },
        };
        Assert.Contains(status, Assert.Single(Expectations.Missed("mixed_workload", [run])), StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_below_saturation_is_missed() =>
        Assert.Contains("429", Assert.Single(Expectations.Missed("read_heavy_workload", [Shed(8, 1_000)])));

    [Fact]
    public void A_run_without_a_good_answer_is_missed() =>
        Assert.Contains(
            "no good answer",
            Assert.Single(Expectations.Missed("write_heavy_workload", [Run(8, 0) with { Operations = 0 }]))
        );

    [Fact]
    public void Percentiles_out_of_order_are_missed() =>
        Assert.Contains(
            "out of order",
            Assert.Single(Expectations.Missed("mixed_workload", [Run(8, 1_000) with { P99Microseconds = 90_000 }]))
        );

    [Fact]
    public void Pages_that_are_not_whole_are_missed()
    {
        var options = new LoadOptions { Connections = 8, Mix = new OperationMix(0, 0, 0, Scan: 1) };
        var whole = Run(8, 100) with { Options = options, BodyBytes = 40_000 };
        Assert.Empty(Expectations.Missed("scan_performance", [whole]));
        Assert.Contains(
            "not whole",
            Assert.Single(Expectations.Missed("scan_performance", [whole with { BodyBytes = 20_000 }]))
        );
    }

    static LoadResult Shed(int connections, double perSecond) =>
        Run(connections, perSecond) with
        {
            ByStatus = new Dictionary<string, long> { ["200"] = 900, ["429"] = 100 },
        };

    static LoadResult Run(int connections, double perSecond) =>
        new()
        {
            Name = "run",
            Options = new LoadOptions { Connections = connections },
            OperationsPerSecond = perSecond,
            Operations = 900,
            BodyBytes = 0,
            P50Microseconds = 100,
            P99Microseconds = 200,
            P999Microseconds = 300,
            MaxMicroseconds = 400,
            ByStatus = new Dictionary<string, long> { ["200"] = 900 },
        };
}
