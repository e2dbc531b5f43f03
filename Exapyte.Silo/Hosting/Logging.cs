using Microsoft.Extensions.Logging.Console;

namespace Exapyte.Silo.Hosting;

/// <summary>One line an event on the console: ours at the chosen level, the frameworks' from Warning up.</summary>
internal static class Logging
{
    private static readonly string[] FrameworkCategories = ["Orleans", "Microsoft", "System", "Npgsql"];

    /// <summary>Warnings of no use: a thread "not completed" for as long as the machine is up, a stage that took its time.</summary>
    private static readonly string[] NoisyCategories =
    [
        "Orleans.Runtime.Watchdog",
        "Orleans.Runtime.SiloLifecycleSubject",
    ];

    /// <remarks>The section <c>Logging</c> of the configuration comes last, so that it can open any category.</remarks>
    public static void Configure(ILoggingBuilder logging, IConfiguration configuration, LogLevel level)
    {
        LogLevel frameworkLevel = level > LogLevel.Warning ? level : LogLevel.Warning;
        logging.SetMinimumLevel(level);
        foreach (string category in FrameworkCategories)
            logging.AddFilter(category, frameworkLevel);
        foreach (string category in NoisyCategories)
            logging.AddFilter(category, LogLevel.Error);
        logging.AddConfiguration(configuration.GetSection("Logging"));
        logging.AddSimpleConsole(o =>
        {
            o.SingleLine = true;
            o.UseUtcTimestamp = true;
            o.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";
            o.ColorBehavior = LoggerColorBehavior.Disabled;
        });
    }
}
