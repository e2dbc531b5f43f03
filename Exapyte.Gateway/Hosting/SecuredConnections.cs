using Exapyte.Client.Security;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// How this process' connections are secured. Certificates are read before anything starts, so that one that cannot be used
/// is a line for the operator; what becomes of them later is logged once there is where to.
/// </summary>
internal sealed class SecuredConnections
{
    private readonly LateLogger logger = new();

    private SecuredConnections(SecuritySettings security)
    {
        Http = Certificates.ForHttp(security, TimeProvider.System, logger);
        Cluster = Certificates.ForCluster(security, TimeProvider.System, logger);
    }

    /// <summary>TLS of the gateway; null: plain.</summary>
    public HttpTls? Http { get; }

    /// <summary>TLS between nodes and .NET clients; null: plain.</summary>
    public ClusterTls? Cluster { get; }

    /// <summary>Reads the certificates.</summary>
    /// <exception cref="CertificateException">They cannot be used.</exception>
    public static SecuredConnections Load(SecuritySettings security) => new(security);

    /// <summary>From now on what happens to certificates and connections is logged there.</summary>
    public void LogTo(ILoggerFactory loggers) => logger.Target = loggers.CreateLogger("Exapyte.Tls");

    private sealed class LateLogger : ILogger
    {
        public volatile ILogger? Target;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => Target?.IsEnabled(logLevel) ?? false;

        public void Log<TState>(
            LogLevel logLevel,
            EventId eventId,
            TState state,
            Exception? exception,
            Func<TState, Exception?, string> formatter
        ) => Target?.Log(logLevel, eventId, state, exception, formatter);
    }
}
