using System.Diagnostics.Metrics;
using Exapyte.Gateway.Routing;

namespace Exapyte.Gateway.Http;

/// <summary>
/// Bounds how many requests are under way at once, so that a service that is asked for more than it can do goes on doing
/// what it can: each one beyond the bound is refused before anything of it is read or done, which costs little. What tells
/// of the process and the cluster is not counted: under load it is needed most. Thread-safe; counts on the meter
/// <c>Exapyte.Gateway</c>.
/// </summary>
internal sealed class RequestLimit
{
    private readonly int requestsMax;
    private readonly Counter<long> refused;
    private int underWay;

    /// <param name="requestsMax">Most requests at once; 1 or more.</param>
    /// <param name="meter">Counts them.</param>
    public RequestLimit(int requestsMax, Meter meter)
    {
        this.requestsMax = requestsMax;
        refused = meter.CreateCounter<long>(
            "exapyte.gateway.requests.refused",
            "{request}",
            "Requests that were refused with 429 because too many were under way."
        );
        meter.CreateObservableGauge(
            "exapyte.gateway.requests.active",
            () => Volatile.Read(ref underWay),
            "{request}",
            "Requests under way that count towards the bound."
        );
    }

    /// <summary>Whether requests to this route count.</summary>
    public static bool Counts(GatewayRoute route) =>
        route
            is not (
                GatewayRoute.Root
                or GatewayRoute.Live
                or GatewayRoute.Ready
                or GatewayRoute.OpenApi
                or GatewayRoute.Docs
                or GatewayRoute.Cluster
                or GatewayRoute.Nodes
                // One that watches does nothing most of the time: counted apart.
                or GatewayRoute.Changes
            );

    /// <summary>True: the request is counted until <see cref="Leave"/>. False: it is one too many.</summary>
    public bool TryEnter()
    {
        if (Interlocked.Increment(ref underWay) <= requestsMax)
        {
            return true;
        }
        Interlocked.Decrement(ref underWay);
        refused.Add(1);
        return false;
    }

    /// <summary>A counted request is over.</summary>
    public void Leave() => Interlocked.Decrement(ref underWay);
}
