using Exapyte.Silo.CommandLine;
using Exapyte.Silo.Hosting;
using Exapyte.Silo.Settings;

namespace Exapyte.Silo;

/// <summary>From arguments to exit code. Reasons go to the error writer, one line each, and never a stack trace.</summary>
internal static class SiloProgram
{
    public static async Task<int> RunAsync(string[] args, TextWriter output, TextWriter error)
    {
        if (args is [InspectCommand.Verb, ..])
            return new InspectCommand().Run(args, output, error);

        SiloCommand command = new();
        if (command.TryAnswer(args, output))
            return (int)ExitCode.Stopped;

        CommandLineResult line = command.Parse(args);
        IConfiguration configuration;
        try
        {
            configuration = Configure(line.Overrides);
        }
        catch (InvalidDataException e)
        {
            return Refuse(error, [new Refusal(ExitCode.Settings, SettingsFiles.ReasonOf(e))]);
        }

        SettingsResult result = SettingsReader.Read(configuration);
        EnvironmentNames names = EnvironmentNames.Of(Environment.GetEnvironmentVariables().Keys.Cast<string>());
        if (line.Reasons.Count + names.Reasons.Count > 0 || result.Settings is not { } settings)
            return Refuse(
                error,
                [
                    .. line
                        .Reasons.Concat(result.Reasons)
                        .Concat(names.Reasons)
                        .Select(r => new Refusal(ExitCode.Settings, r)),
                ]
            );

        names.Tell(output);
        return Refuse(error, await new NodeHost(settings, configuration, output, error).RunAsync());
    }

    /// <summary>Weakest first: the file beside the program, the file in the working folder, environment, arguments.</summary>
    /// <exception cref="InvalidDataException">A file is not JSON.</exception>
    private static IConfigurationRoot Configure(IReadOnlyDictionary<string, string?> overrides) =>
        new ConfigurationBuilder()
            .AddJsonFile(Path.Combine(AppContext.BaseDirectory, "appsettings.json"), optional: true)
            .AddJsonFile(Path.Combine(Environment.CurrentDirectory, "appsettings.json"), optional: true)
            .AddEnvironmentVariables()
            .AddInMemoryCollection(overrides)
            .Build();

    private static int Refuse(TextWriter error, IReadOnlyList<Refusal> refusals)
    {
        foreach (Refusal refusal in refusals)
            error.WriteLine($"exapyte: {refusal.Reason}");
        error.Flush();
        return (int)(refusals.Count == 0 ? ExitCode.Stopped : refusals[0].Code);
    }
}
