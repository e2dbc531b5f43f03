using System.Reflection;
using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;

namespace Exapyte.Gateway.Control;

/// <summary>What is said of the cluster and of this process: cluster, health, and the pointer at the root.</summary>
internal sealed partial class ClusterHandler(
    IExapyteClient client,
    ProblemWriter problems,
    ExapyteGatewayOptions options,
    TimeProvider time,
    ILogger logger
)
{
    private static readonly string Version =
        typeof(ClusterHandler)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()
            ?.InformationalVersion
        ?? "0";

    private static readonly PointerDocument Pointer = new("exapyte", Version, "/docs", "/openapi/v1.json");

    /// <summary>GET /.</summary>
    public static Task PointAsync(HttpContext context)
    {
        var mount = context.Request.PathBase.ToUriComponent();
        var pointer = Pointer with { Docs = mount + Pointer.Docs, OpenApi = mount + Pointer.OpenApi };
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, pointer, GatewayJson.Relaxed.PointerDocument);
    }

    /// <summary>GET /livez: the process answers.</summary>
    public static Task LiveAsync(HttpContext context) =>
        JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            new HealthDocument("live", null),
            GatewayJson.Relaxed.HealthDocument
        );

    /// <summary>GET /readyz: operations can be served from here.</summary>
    public async Task ReadyAsync(HttpContext context)
    {
        IReadOnlyList<string> reasons =
        [
            .. options.OwnReasonsNotReady(),
            .. await ReasonsNotReadyAsync(context.RequestAborted),
        ];
        await JsonAnswer.WriteAsync(
            context,
            reasons.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable,
            reasons.Count == 0 ? new HealthDocument("ready", null) : new HealthDocument("not ready", reasons),
            GatewayJson.Relaxed.HealthDocument
        );
    }

    /// <summary>GET /v1/cluster.</summary>
    public async Task ClusterAsync(HttpContext context, Call call)
    {
        if (call.RefuseAnyQuery() is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var topology = await client.GetTopologyAsync(context.RequestAborted);
        var keyspaces = await client.ListKeyspacesAsync(context.RequestAborted);
        await JsonAnswer.WriteAsync(
            context,
            StatusCodes.Status200OK,
            ClusterDocument.Of(Version, topology, keyspaces.Count(call.Caller.Sees)),
            GatewayJson.Relaxed.ClusterDocument
        );
    }

    private async Task<IReadOnlyList<string>> ReasonsNotReadyAsync(CancellationToken aborted)
    {
        using var deadline = new CancellationTokenSource(options.ReadinessTimeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, aborted);
        try
        {
            return await client.GetReasonsNotReadyAsync(either.Token).WaitAsync(either.Token);
        }
        catch (OperationCanceledException) when (!aborted.IsCancellationRequested)
        {
            return [$"The cluster did not answer within {options.ReadinessTimeout.TotalSeconds:0.###} s."];
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            LogReadinessFailed(logger, exception);
            return ["The cluster could not be asked; the log says why."];
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Readiness could not be asked for.")]
    private static partial void LogReadinessFailed(ILogger logger, Exception exception);
}
