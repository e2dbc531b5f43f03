using Exapyte.Client;
using Exapyte.Providers.Health;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Tells the application's health checks how its cluster is.</summary>
public static class ExapyteHealthCheckExtensions
{
    /// <summary>
    /// Adds a check that fails, with every reason, where the application's <see cref="IExapyteClient"/> cannot be served now.
    /// </summary>
    public static IHealthChecksBuilder AddExapyte(
        this IHealthChecksBuilder builder,
        string name = "exapyte",
        HealthStatus? failureStatus = null,
        IEnumerable<string>? tags = null,
        TimeSpan? timeout = null
    )
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(
            new HealthCheckRegistration(
                name,
                static services => new ExapyteHealthCheck(services.GetRequiredService<IExapyteClient>()),
                failureStatus,
                tags,
                timeout
            )
        );
    }
}
