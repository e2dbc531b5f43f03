using Exapyte.Client;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Exapyte.Providers.Health;

/// <summary>Whether operations can be served from here now.</summary>
internal sealed class ExapyteHealthCheck(IExapyteClient client) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(
        HealthCheckContext context,
        CancellationToken cancellationToken = default
    )
    {
        var reasons = await client.GetReasonsNotReadyAsync(cancellationToken).ConfigureAwait(false);
        return reasons.Count == 0
            ? HealthCheckResult.Healthy()
            : new(context.Registration.FailureStatus, string.Join("; ", reasons));
    }
}
