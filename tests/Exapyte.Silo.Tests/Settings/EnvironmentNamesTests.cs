using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Settings;
using Xunit;

namespace Exapyte.Silo.Tests.Settings;

/// <summary>A variable that was meant as a setting and is none never starts a node that differs from what was asked for.</summary>
public sealed class EnvironmentNamesTests
{
    private static IReadOnlyList<Setting> Settings => [.. SiloSetting.All, .. SiloSetting.Secrets];

    [Theory]
    [InlineData("EXAPYTE_NODE", "EXAPYTE__NODE")]
    [InlineData("exapyte_Silo_Port", "EXAPYTE__SILOPORT")]
    [InlineData("EXAPYTE_MEMORYBYTES", "EXAPYTE__MEMORYBYTES")]
    [InlineData("EXAPYTE_ROOT_KEY", "EXAPYTE__ROOT_KEY")]
    public void A_name_that_is_nearly_a_setting_is_refused_with_the_right_one(string name, string right)
    {
        EnvironmentNames names = EnvironmentNames.Of(["PATH", name], Settings);

        string reason = Assert.Single(names.Reasons);
        Assert.StartsWith($"{name}: ", reason, StringComparison.Ordinal);
        Assert.EndsWith($" {right}", reason, StringComparison.Ordinal);
        Assert.Empty(names.Ignored);
    }

    [Fact]
    public void A_name_that_is_none_at_all_is_told_and_one_of_a_setting_is_left_to_its_reader()
    {
        EnvironmentNames names = EnvironmentNames.Of(
            ["EXAPYTE_KILL_ROUNDS", "EXAPYTE__NODE", "EXAPYTE__NOED", "EXAPYTEX", "HOME"],
            Settings
        );
        StringWriter output = new();

        names.Tell(output);

        Assert.Empty(names.Reasons);
        Assert.Equal(
            $"The environment variable EXAPYTE_KILL_ROUNDS is no setting and is ignored.{Environment.NewLine}",
            output.ToString()
        );
    }
}
