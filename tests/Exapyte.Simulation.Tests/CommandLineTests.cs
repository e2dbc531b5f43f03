using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Runs;

namespace Exapyte.Simulation.Tests;

public class CommandLineTests
{
    [Fact]
    public void A_long_run_goes_on_where_it_stopped()
    {
        var file = Path.Combine(Path.GetTempPath(), $"exapyte-{Guid.NewGuid():N}.json");
        try
        {
            Assert.Equal(0, Call("--resume", file, "--seeds", "2", "--steps", "500", "--from", "10").Code);
            Assert.Equal(0, Call("--resume", file, "--seeds", "3").Code);
            var sums = Sums.Load(file)!;
            Assert.Equal(15ul, sums.Next);
            Assert.Equal(10ul, sums.From);
            Assert.Equal(500, sums.StepsPerSeed);
            Assert.Contains("5 seeds from 10", sums.ToMarkdown());
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_bound_that_no_run_of_many_has_reached_fails_them()
    {
        var file = Path.Combine(Path.GetTempPath(), $"exapyte-{Guid.NewGuid():N}.json");
        try
        {
            var sums = new Sums { From = 1, Next = 1_001 };
            foreach (var happening in Enum.GetValues<Happening>())
            {
                sums.Counts[happening.ToString()] = happening == Happening.AppendsCutShort ? 0 : 1;
            }
            sums.Save(file);

            var (code, text) = Call("--resume", file, "--seeds", "0");

            Assert.Equal(1, code);
            Assert.Contains("never came up: AppendsCutShort", text);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public void A_replay_prints_its_trace_hash() =>
        Assert.Contains("trace ", Call("--replay", "3", "--steps", "300").Text);

    [Fact]
    public void The_planted_bugs_are_listed() => Assert.Contains("quorum-off-by-one", Call("--planted", "list").Text);

    [Fact]
    public void A_planted_bug_is_counted_over_many_seeds()
    {
        var (code, text) = Call("--planted", "read-without-proof", "--seeds", "3", "--steps", "1000");
        Assert.Equal(0, code);
        Assert.Contains("of 3 seeds", text);
    }

    [Theory]
    [InlineData("--seeds")]
    [InlineData("--seeds", "many")]
    [InlineData("--planted", "no-such-bug")]
    public void Nonsense_is_told_how_to_call(params string[] arguments)
    {
        var (code, text) = Call(arguments);
        Assert.Equal(2, code);
        Assert.Contains("--replay", text);
    }

    private static (int Code, string Text) Call(params string[] arguments)
    {
        using var output = new StringWriter();
        var code = new CommandLine(arguments, output).Run();
        return (code, output.ToString());
    }
}
