using Exapyte.Gateway.Http;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Exapyte.Gateway.Hosting;

/// <summary>
/// Instruments for scraping: those of the houses and of the runtime. The frameworks' own, which would count each call and each
/// request once more, are left out.
/// </summary>
internal static class ProcessMetrics
{
    /// <summary>Room is set aside for each set of tags: by default for 2,000, which takes 7 MB.</summary>
    private static readonly MetricStreamConfiguration FewTags = new() { CardinalityLimit = 100 };

    private static readonly ExplicitBucketHistogramConfiguration Durations = new()
    {
        Boundaries = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
        CardinalityLimit = 300,
    };

    /// <summary>Adds them.</summary>
    /// <param name="services">The process' services.</param>
    /// <param name="service">What it is.</param>
    /// <param name="instance">Which one of those.</param>
    public static void AddExapyteMetrics(this IServiceCollection services, string service, string instance) =>
        services
            .AddOpenTelemetry()
            .ConfigureResource(node => node.AddService(service, null, ProcessVersion.Text, false, instance))
            .WithMetrics(metrics =>
                metrics
                    .AddMeter("Exapyte.*", "System.Runtime")
                    .AddView(instrument => instrument.Name == RequestMeter.Duration ? Durations : FewTags)
                    .AddPrometheusExporter()
            );

    /// <summary>Serves them at <c>/metrics</c>, and every other target as the gateway does.</summary>
    public static void MapExapyteWithMetrics(this WebApplication app) =>
        app.RunExapyte("/metrics", metrics => metrics.UseOpenTelemetryPrometheusScrapingEndpoint("/metrics"));
}
