using System.CommandLine;
using Exapyte.Gateway.Hosting;
using Exapyte.Silo.CommandLine;
using Exapyte.Silo.Hosting;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo;

/// <summary>From arguments to exit code. Reasons go to the error writer, one line each, and never a stack trace.</summary>
internal static class SiloProgram
{
    private const string Name = "exapyte";

    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        if (args is [InspectCommand.Verb, ..])
            return new InspectCommand().Run(args, output, error);

        SettingsCommand command = CreateCommand();
        if (command.TryAnswer(args, output))
            return (int)ExitCode.Stopped;
        IReadOnlyList<Setting> all = [.. SiloSetting.All, .. SiloSetting.Secrets];
        return await ProcessStart.RunAsync(
            Name,
            command.Parse(args),
            all,
            output,
            error,
            configuration =>
            {
                SettingsResult result = SettingsReader.Read(configuration);
                return new(
                    result.Reasons,
                    result.Settings is { } settings
                        ? () => new NodeHost(settings, configuration, output, error).RunAsync()
                        : null
                );
            }
        );
    }

    /// <summary>The command line of a node.</summary>
    internal static SettingsCommand CreateCommand() =>
        new(
            "Exapyte: a node of a distributed data service, with its REST gateway, in one process. "
                + "Without a command it runs the node.",
            SiloSetting.All,
            new Command(InspectCommand.Verb, InspectCommand.Help)
        );
}
