using System.Diagnostics.Metrics;
using Exapyte.Gateway.Routing;

namespace Exapyte.Gateway.Http;

/// <summary>
/// How long requests take, by route, method and how they ended, until the last byte is handed over. An instrument that nobody
/// listens to costs a branch. Thread-safe.
/// </summary>
internal sealed class RequestMeter
{
    /// <summary>The meter's name.</summary>
    public const string Name = "Exapyte.Gateway";

    /// <summary>The instrument's name.</summary>
    public const string Duration = "exapyte.gateway.request.duration";

    private static readonly string[] Templates =
    [
        "none",
        .. Routes.All.OrderBy(route => route.Route).Select(route => route.Template),
    ];

    private readonly Histogram<double> durations;
    private readonly TimeProvider time;

    /// <param name="meter">Takes the instrument.</param>
    /// <param name="time">Measures.</param>
    public RequestMeter(Meter meter, TimeProvider time)
    {
        this.time = time;
        durations = meter.CreateHistogram<double>(
            Duration,
            "s",
            "Time to answer a request, by route, method and outcome: ok, refused (4xx) or failed (5xx, or broken off)."
        );
    }

    /// <summary>A request begins.</summary>
    /// <returns>What <see cref="End"/> takes; 0 where nobody listens.</returns>
    public long Begin() => durations.Enabled ? time.GetTimestamp() : 0;

    /// <summary>A request has ended.</summary>
    public void End(long since, GatewayRoute route, HttpContext context)
    {
        if (since == 0)
        {
            return;
        }
        durations.Record(
            time.GetElapsedTime(since).TotalSeconds,
            new("route", Templates[(int)route]),
            new("method", MethodOf(context.Request.Method)),
            new("outcome", OutcomeOf(context))
        );
    }

    private static string OutcomeOf(HttpContext context) =>
        context.RequestAborted.IsCancellationRequested || context.Response.StatusCode >= 500 ? "failed"
        : context.Response.StatusCode >= 400 ? "refused"
        : "ok";

    /// <summary>A caller may send any word as the method: what is none of ours is one value.</summary>
    private static string MethodOf(string method) =>
        HttpMethods.IsGet(method) ? HttpMethods.Get
        : HttpMethods.IsHead(method) ? HttpMethods.Head
        : HttpMethods.IsPut(method) ? HttpMethods.Put
        : HttpMethods.IsPost(method) ? HttpMethods.Post
        : HttpMethods.IsDelete(method) ? HttpMethods.Delete
        : HttpMethods.IsPatch(method) ? HttpMethods.Patch
        : "other";
}
