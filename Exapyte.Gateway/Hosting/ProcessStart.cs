namespace Exapyte.Gateway.Hosting;

/// <summary>Either what runs the process or every reason why nothing does.</summary>
/// <param name="Reasons">Against the settings.</param>
/// <param name="Run">Runs it until it is asked to stop; what it returns is why it ended out of order.</param>
internal readonly record struct Judgement(IReadOnlyList<string> Reasons, Func<Task<IReadOnlyList<Refusal>>>? Run);

/// <summary>From settings to exit code. Reasons go to the error writer, one line each, and never a stack trace.</summary>
internal static class ProcessStart
{
    /// <summary>Reads the settings and runs what they ask for.</summary>
    /// <param name="program">Its name, before each reason.</param>
    /// <param name="line">What the arguments say.</param>
    /// <param name="settings">All settings of the process, with those that have no option.</param>
    /// <param name="output">Takes what is told.</param>
    /// <param name="error">Takes reasons.</param>
    /// <param name="judge">Reads the settings.</param>
    public static async Task<int> RunAsync(
        string program,
        CommandLineResult line,
        IReadOnlyList<Setting> settings,
        TextWriter output,
        TextWriter error,
        Func<IConfiguration, Judgement> judge
    )
    {
        IConfiguration configuration;
        try
        {
            configuration = Configure(line.Overrides);
        }
        catch (InvalidDataException e)
        {
            return Refuse(error, program, [new Refusal(ExitCode.Settings, SettingsFiles.ReasonOf(e))]);
        }

        Judgement judgement = judge(configuration);
        EnvironmentNames names = EnvironmentNames.Of(
            Environment.GetEnvironmentVariables().Keys.Cast<string>(),
            settings
        );
        if (line.Reasons.Count + names.Reasons.Count > 0 || judgement.Run is not { } run)
            return Refuse(
                error,
                program,
                [
                    .. line
                        .Reasons.Concat(judgement.Reasons)
                        .Concat(names.Reasons)
                        .Select(r => new Refusal(ExitCode.Settings, r)),
                ]
            );

        names.Tell(output);
        return Refuse(error, program, await run());
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

    private static int Refuse(TextWriter error, string program, IReadOnlyList<Refusal> refusals)
    {
        foreach (Refusal refusal in refusals)
            error.WriteLine($"{program}: {refusal.Reason}");
        error.Flush();
        return (int)(refusals.Count == 0 ? ExitCode.Stopped : refusals[0].Code);
    }
}
