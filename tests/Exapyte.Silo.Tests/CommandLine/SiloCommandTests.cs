using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Settings;
using Xunit;

namespace Exapyte.Silo.Tests.CommandLine;

public sealed class SiloCommandTests
{
    [Fact]
    public void Every_setting_has_an_option_that_overrides_its_key()
    {
        string[] args =
        [
            .. SiloSetting.All.Where(s => s != Setting.Insecure).SelectMany(s => new[] { s.Option, "value" }),
        ];

        CommandLineResult result = SiloProgram.CreateCommand().Parse([.. args, "--insecure"]);

        Assert.Empty(result.Reasons);
        Assert.Equal(SiloSetting.All.Count, result.Overrides.Count);
        Assert.All(
            SiloSetting.All,
            s => Assert.Equal(s == Setting.Insecure ? "True" : "value", result.Overrides[s.Path])
        );
    }

    [Fact]
    public void What_is_not_given_overrides_nothing() => Assert.Empty(SiloProgram.CreateCommand().Parse([]).Overrides);

    [Fact]
    public void A_value_may_stand_behind_an_equals_sign_or_begin_with_any_character()
    {
        CommandLineResult result = SiloProgram
            .CreateCommand()
            .Parse(["--node=n7", "--cluster", "@Data Source=a;b='c d'"]);

        Assert.Empty(result.Reasons);
        Assert.Equal("n7", result.Overrides[SiloSetting.Node.Path]);
        Assert.Equal("@Data Source=a;b='c d'", result.Overrides[SiloSetting.Cluster.Path]);
    }

    [Theory]
    [InlineData("--bogus")]
    [InlineData("--bogus", "1")]
    [InlineData("start")]
    [InlineData("--node")]
    [InlineData("--node", "a", "--node", "b")]
    [InlineData("--insecure", "perhaps")]
    public void What_is_no_option_of_ours_is_refused(params string[] args) =>
        Assert.NotEmpty(SiloProgram.CreateCommand().Parse(args).Reasons);

    [Fact]
    public void Help_names_every_option_and_its_default()
    {
        string help = Answer("--help");

        Assert.All(SiloSetting.All, s => Assert.Contains(s.Option, help, StringComparison.Ordinal));
        Assert.Contains("http://127.0.0.1:8080", help, StringComparison.Ordinal);
    }

    [Fact]
    public void The_version_is_that_of_the_assembly() => Assert.Equal("0.1.0", Answer("--version").Trim());

    [Fact]
    public async Task Unknown_options_and_bad_settings_are_told_together_and_end_with_2()
    {
        StringWriter output = new();
        StringWriter error = new();

        int exitCode = await SiloProgram.RunAsync(["--bogus", "--silo-port", "x", "--node", "A"], output, error);

        Assert.Equal(2, exitCode);
        Assert.Empty(output.ToString());
        string[] lines = error.ToString().TrimEnd().Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.All(lines, line => Assert.StartsWith("exapyte: ", line, StringComparison.Ordinal));
    }

    private static string Answer(string option)
    {
        StringWriter output = new();
        Assert.True(SiloProgram.CreateCommand().TryAnswer([option], output));
        return output.ToString();
    }
}
