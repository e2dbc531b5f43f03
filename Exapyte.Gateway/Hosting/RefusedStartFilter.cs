using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging.Console;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// The console, without what the frameworks say of a start that was refused: every layer that the exception passes logs
/// it with its trace, and what ends because of it warns of that, while the operator is told once, in one line, at the end.
/// Only until the start is over, and not where details are asked for (<c>--log-level Debug</c>).
/// </summary>
[ProviderAlias("Console")]
internal sealed class RefusedStartFilter(ConsoleLoggerProvider console, StartPhase start)
    : ILoggerProvider,
        ISupportExternalScope
{
    public ILogger CreateLogger(string categoryName)
    {
        ILogger logger = console.CreateLogger(categoryName);
        return Logging.IsFramework(categoryName) ? new Filtered(logger, start) : logger;
    }

    public void SetScopeProvider(IExternalScopeProvider scopeProvider) => console.SetScopeProvider(scopeProvider);

    /// <remarks>The console is the container's to dispose.</remarks>
    public void Dispose() { }

    [SuppressMessage(
        "Usage",
        "CA2254:Template should be a static expression",
        Justification = "It hands on what another has formatted."
    )]
    private sealed class Filtered(ILogger logger, StartPhase start) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => logger.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => logger.IsEnabled(logLevel);

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        )
        {
            if (!start.IsRefused && (exception is null || !start.IsRefusedBy(exception)))
                logger.Log(logLevel, eventId, state, exception, formatter);
        }
    }
}

/// <summary>Whether the node is still starting, and which exceptions then mean that the start is refused.</summary>
internal sealed class StartPhase(Func<Exception, bool> isRefusal)
{
    private volatile bool over;
    private volatile bool refused;

    /// <summary>Whether an exception has refused it.</summary>
    public bool IsRefused => refused;

    /// <summary>The node has started: from now on everything is told.</summary>
    public void End() => over = true;

    /// <summary>Whether this exception, or one inside of it, refuses the start.</summary>
    public bool IsRefusedBy(Exception exception)
    {
        if (over || !Chain(exception).Any(isRefusal))
            return false;
        refused = true;
        return true;
    }

    private static IEnumerable<Exception> Chain(Exception exception) =>
        exception is AggregateException many ? many.InnerExceptions.SelectMany(Chain).Prepend(many)
        : exception.InnerException is { } inner ? Chain(inner).Prepend(exception)
        : [exception];
}
