using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging.Console;

namespace Exapyte.Gateway.Hosting;

/// <summary>One line an event on the console: ours at the chosen level, the frameworks' from Warning up.</summary>
internal static class Logging
{
    private static readonly string[] FrameworkCategories = ["Orleans", "Microsoft", "System", "Npgsql", "Polly"];

    /// <summary>
    /// Categories that warn several times a second, with a stack trace each, while a node is away; NodeWatch says in
    /// one line what became of it. The watchdog warns of threads "not completed" for as long as the machine is up.
    /// </summary>
    private static readonly string[] NoisyCategories =
    [
        "Orleans.Runtime.CallbackData",
        "Orleans.Runtime.GrainDirectory",
        "Orleans.Runtime.MembershipService.MembershipSystemTarget",
        "Orleans.Runtime.MembershipService.SiloHealthMonitor",
        "Orleans.Runtime.Messaging",
        "Orleans.Runtime.Metadata",
        "Orleans.Runtime.SiloLifecycleSubject",
        "Orleans.Runtime.Watchdog",
    ];

    /// <summary>
    /// Categories that log an error with a stack trace for each call to, or each second of, a peer that is away. The
    /// callers get the failure as a value and say what it means for them.
    /// </summary>
    private static readonly string[] LoudCategories =
    [
        "Orleans.Messaging",
        "Orleans.Runtime.GrainCallCancellationManager",
        "Orleans.Runtime.GrainDirectory.ClientDirectory",
    ];

    /// <remarks>The section <c>Logging</c> of the configuration comes last, so that it can open any category.</remarks>
    public static void Configure(
        ILoggingBuilder logging,
        IConfiguration configuration,
        LogLevel level,
        StartPhase start
    )
    {
        logging.SetMinimumLevel(level);
        AddFilters(logging, FrameworkCategories, Higher(level, LogLevel.Warning));
        AddFilters(logging, NoisyCategories, Higher(level, LogLevel.Error));
        AddFilters(logging, LoudCategories, Higher(level, LogLevel.Critical));
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            o.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.Services.RemoveAll<ILoggerProvider>();
        logging.Services.AddSingleton<ConsoleLoggerProvider>();
        logging.Services.AddSingleton<ILoggerProvider>(services => new RefusedStartFilter(
            services.GetRequiredService<ConsoleLoggerProvider>(),
            start
        ));
    }

    /// <summary>Whether the category is a framework's and not ours.</summary>
    public static bool IsFramework(string category) =>
        Array.Exists(FrameworkCategories, prefix => category.StartsWith(prefix, StringComparison.Ordinal));

    private static void AddFilters(ILoggingBuilder logging, string[] categories, LogLevel level)
    {
        foreach (string category in categories)
            logging.AddFilter(category, level);
    }

    private static LogLevel Higher(LogLevel one, LogLevel other) => one > other ? one : other;
}
