using System.Diagnostics.Metrics;
using Exapyte.Client;
using Exapyte.Client.Administration;
using Exapyte.Client.Security;
using Exapyte.Gateway.Backups;
using Exapyte.Gateway.Batches;
using Exapyte.Gateway.Changes;
using Exapyte.Gateway.Control;
using Exapyte.Gateway.Documents;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Imports;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Queries;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Security;
using Exapyte.Security;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;

namespace Exapyte.Gateway;

/// <summary>
/// One request through the gateway. Thread-safe; one a mapping.
/// <list type="number">
/// <item>The raw target is taken apart (<see cref="TargetParser"/>); what cannot be is refused.</item>
/// <item>The method is checked against the route.</item>
/// <item>Where too much is under way it is refused (<see cref="RequestLimit"/>).</item>
/// <item><see cref="AdmitAsync"/>: the one way from a route to an operation. The gate says who calls, and whether they may.</item>
/// <item>The handler reads headers, query and body, refuses or operates, and answers.</item>
/// <item>What was thrown becomes an answer; a caller that went away is no error.</item>
/// </list>
/// </summary>
internal sealed partial class GatewayHandler
{
    // What Kestrel makes of a Content-Length beside a Transfer-Encoding. Two servers may read such a request in two ways.
    private const string OverruledContentLength = "X-Content-Length";

    private readonly TargetParser parser;
    private readonly ProblemWriter problems;
    private readonly RequestLimit limit;
    private readonly RequestMeter meter;
    private readonly EntryHandler entries;
    private readonly ChangeHandler changes;
    private readonly ListingHandler listing;
    private readonly WatchHandler watches;
    private readonly PrefixDeletion prefixes;
    private readonly BatchHandler batches;
    private readonly ImportHandler imports;
    private readonly QueryHandler queries;
    private readonly KeyspaceHandler keyspaces;
    private readonly ClusterHandler cluster;
    private readonly NodeHandler nodes;
    private readonly RebalanceHandler rebalances;
    private readonly SplitHandler splits;
    private readonly BackupHandler backups;
    private readonly KeyHandler keys;
    private readonly AccessGate gate;
    private readonly SessionTokens sessions;
    private readonly ILogger logger;

    /// <summary>Creates a handler; throws <see cref="OptionsValidationException"/> where the options are not acceptable.</summary>
    public GatewayHandler(
        IExapyteClient client,
        IOptions<ExapyteGatewayOptions> options,
        ILoggerFactory loggers,
        TimeProvider? time = null,
        IKeyAdministration? keyAdministration = null,
        KnownKeys? knownKeys = null,
        IMeterFactory? meters = null,
        INodeAdministration? nodeAdministration = null,
        IRebalanceAdministration? rebalanceAdministration = null,
        IShardAdministration? shardAdministration = null
    )
    {
        var limits = options.Value;
        var validation = new ExapyteGatewayOptionsValidator().Validate(null, limits);
        if (validation.Failed)
        {
            throw new OptionsValidationException("", typeof(ExapyteGatewayOptions), validation.Failures);
        }
        logger = loggers.CreateLogger<GatewayHandler>();
        parser = new(limits.KeyBytesMax);
        problems = new(limits.RetryAfterSeconds);
        var instruments = meters?.Create(RequestMeter.Name) ?? new Meter(RequestMeter.Name);
        limit = new(limits.RequestsMax, instruments);
        meter = new(instruments, time ?? TimeProvider.System);
        changes = new(client, problems, limits.ValueBytesMax);
        var signer = new TokenSigner(limits.CursorKey, limits.CursorKeySource);
        sessions = new(signer);
        var tokens = new ChangeTokenCodec(signer);
        entries = new(client, problems, sessions, limits.ValueBytesMax, time ?? TimeProvider.System);
        listing = new(client, problems, limits, new CursorCodec(signer), tokens, sessions);
        watches = new(client, problems, limits, tokens, time ?? TimeProvider.System);
        prefixes = new(client, problems, limits, time ?? TimeProvider.System);
        queries = new(client, problems, new QueryCursorCodec(signer), sessions);
        batches = new(client, problems, limits);
        imports = new(client, problems, limits, time ?? TimeProvider.System);
        keyspaces = new(client, problems);
        splits = new(shardAdministration, problems);
        cluster = new(client, problems, limits, time ?? TimeProvider.System, logger);
        nodes = new(client, nodeAdministration, problems);
        rebalances = new(rebalanceAdministration, problems);
        backups = new(client, problems, time ?? TimeProvider.System);
        keys = new(keyAdministration, problems, time ?? TimeProvider.System);
        gate = new(limits, knownKeys, problems, new AuditLog(loggers), time ?? TimeProvider.System, loggers);
    }

    /// <summary>Answers a request.</summary>
    /// <param name="context">The request.</param>
    /// <param name="prefix">What routing puts before the gateway's paths, behind the path base; empty for none.</param>
    public async Task HandleAsync(HttpContext context, string prefix)
    {
        var since = meter.Begin();
        var isCounted = false;
        var route = GatewayRoute.None;
        try
        {
            await RouteAsync(context, prefix, ref isCounted, ref route);
        }
        catch (Exception exception)
        {
            await AnswerThrownAsync(context, exception);
        }
        finally
        {
            if (isCounted)
            {
                limit.Leave();
            }
            meter.End(since, route, context);
        }
    }

    /// <summary>Lets a call to something beside the gateway's routes through, or refuses it.</summary>
    public async Task GuardAsync(HttpContext context, string what, RequestDelegate next)
    {
        var admission = await gate.AdmitProbeAsync(context);
        await (admission.Refusal is null ? next(context) : gate.RefuseAsync(context, what, "", admission));
    }

    private Task RouteAsync(HttpContext context, string prefix, ref bool isCounted, ref GatewayRoute route)
    {
        if (
            context.Request.Headers.TransferEncoding.Count > 0
            && context.Request.Headers.ContainsKey(OverruledContentLength)
        )
        {
            return problems.WriteAsync(
                context,
                new(ProblemKinds.InvalidRequest, "The request holds Transfer-Encoding and Content-Length: send one.")
            );
        }
        var rawTarget = context.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var pathBase = context.Request.PathBase.Value;
        var call = parser.Parse(
            rawTarget,
            string.IsNullOrEmpty(pathBase) ? prefix : pathBase + prefix,
            HttpMethods.IsPost(context.Request.Method)
        );
        if (call.Refusal is { } refusal)
        {
            return problems.WriteAsync(context, refusal);
        }
        route = call.Route;
        if (!Routes.Serves(call.Route, context.Request.Method))
        {
            var allow = Routes.Describe(call.Route).Allow;
            return problems.WriteAsync(
                context,
                new(ProblemKinds.MethodNotAllowed, $"Served here: {allow}.") { Allow = allow }
            );
        }
        if (RequestLimit.Counts(call.Route) && !(isCounted = limit.TryEnter()))
        {
            return problems.WriteAsync(
                context,
                new(ProblemKinds.Overloaded, "Too many requests are under way at this node; nothing changed.")
            );
        }
        return AdmitAsync(context, call);
    }

    /// <summary>
    /// The one way from a route to an operation: whatever decides who may do what belongs in front of
    /// <see cref="OperateAsync"/> and nowhere else.
    /// </summary>
    private Task AdmitAsync(HttpContext context, in Call call)
    {
        var admission = gate.AdmitAsync(context, call);
        return admission.IsCompletedSuccessfully
            ? GoOn(context, call, admission.Result)
            : GoOnLaterAsync(context, call, admission);
    }

    private async Task GoOnLaterAsync(HttpContext context, Call call, ValueTask<Admission> admission) =>
        await GoOn(context, call, await admission);

    private Task GoOn(HttpContext context, in Call call, in Admission admission)
    {
        if (admission.Refusal is not null)
        {
            return gate.RefuseAsync(context, NameOf(context, call), call.Keyspace, admission);
        }
        var admitted = call.By(admission.Caller);
        if (AccessRules.IsAdministrative(call.Route, context.Request.Method))
        {
            gate.RecordWhenAnswered(context, NameOf(context, call), admitted);
        }
        return sessions.Begin(context, ref admitted) is { } refusal
            ? problems.WriteAsync(context, refusal)
            : OperateAsync(context, admitted);
    }

    /// <summary>A call as the audit names it: nothing that the caller chose but the method that the route serves.</summary>
    private static string NameOf(HttpContext context, in Call call) =>
        $"{context.Request.Method} {Routes.Describe(call.Route).Template}";

    private Task OperateAsync(HttpContext context, in Call call) =>
        call.Route switch
        {
            GatewayRoute.Entry or GatewayRoute.Entry64 when HttpMethods.IsPatch(context.Request.Method) =>
                changes.PatchAsync(context, call),
            GatewayRoute.Entry or GatewayRoute.Entry64 => entries.HandleAsync(context, call),
            GatewayRoute.Increment or GatewayRoute.Increment64 => changes.IncrementAsync(context, call),
            GatewayRoute.Listing when HttpMethods.IsDelete(context.Request.Method) => prefixes.HandleAsync(
                context,
                call
            ),
            GatewayRoute.Listing => listing.HandleAsync(context, call),
            GatewayRoute.Changes => WatchAsync(context, call),
            GatewayRoute.Batch => batches.HandleAsync(context, call),
            GatewayRoute.Query => queries.QueryAsync(context, call),
            GatewayRoute.Explain => queries.ExplainAsync(context, call),
            GatewayRoute.Import => imports.HandleAsync(context, call),
            GatewayRoute.Keyspace => keyspaces.HandleAsync(context, call),
            GatewayRoute.Keyspaces => keyspaces.ListAsync(context, call),
            GatewayRoute.Shards => keyspaces.ShardsAsync(context, call),
            GatewayRoute.Splits => splits.HandleAsync(context, call),
            GatewayRoute.Backups => backups.BackupAsync(context, call),
            GatewayRoute.Restores => backups.RestoreAsync(context, call),
            GatewayRoute.Keys => keys.HandleAllAsync(context, call),
            GatewayRoute.Key => keys.HandleOneAsync(context, call),
            GatewayRoute.Cluster => cluster.ClusterAsync(context, call),
            GatewayRoute.Nodes => nodes.ListAsync(context, call),
            GatewayRoute.Node => nodes.RemoveAsync(context, call),
            GatewayRoute.NodeDrain => nodes.DrainAsync(context, call),
            GatewayRoute.NodeResume => nodes.ResumeAsync(context, call),
            GatewayRoute.Rebalances => rebalances.AllAsync(context, call),
            GatewayRoute.Rebalance => rebalances.OneAsync(context, call),
            GatewayRoute.Ready => cluster.ReadyAsync(context),
            GatewayRoute.Live => ClusterHandler.LiveAsync(context),
            GatewayRoute.Root => ClusterHandler.PointAsync(context),
            GatewayRoute.OpenApi => StaticDocument.OpenApi.WriteAsync(context),
            GatewayRoute.Docs => StaticDocument.Docs.WriteAsync(context),
            _ => throw new InvalidOperationException($"Route {call.Route} has no handler."),
        };

    /// <summary>Whoever watches for long is asked for its key again and again: it may have been revoked.</summary>
    private Task WatchAsync(HttpContext context, Call call) =>
        watches.HandleAsync(context, call, async () => (await gate.AdmitAsync(context, call)).Refusal);

    private async Task AnswerThrownAsync(HttpContext context, Exception exception)
    {
        if (IsCallerGone(context, exception))
        {
            LogCallerGone(logger);
            // Were somebody there after all, an empty 200 would be the answer.
            context.Abort();
            return;
        }
        if (context.Response.HasStarted)
        {
            // The status is out: only a broken connection still says that the answer is not whole.
            LogAnswerBroken(logger, exception, ProblemWriter.TraceIdOf(context));
            context.Abort();
            return;
        }
        var isWrite = !HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method);
        context.Response.Clear();
        await problems.WriteAsync(context, ProblemOf(context, exception, isWrite));
    }

    private Problem ProblemOf(HttpContext context, Exception exception, bool isWrite)
    {
        switch (exception)
        {
            case BadHttpRequestException refused:
                return BodyProblems.Of(refused, "nothing changed");
            case ClusterUnavailableException:
                LogNoAnswer(logger, exception, ProblemWriter.TraceIdOf(context));
                return new(ProblemKinds.Unavailable, $"{exception.Message} Nothing changed. Try again.");
            case TimeoutException or OperationCanceledException or IOException:
                LogNoAnswer(logger, exception, ProblemWriter.TraceIdOf(context));
                return new(ProblemKinds.Unavailable, "The cluster did not answer in time. Try again.")
                {
                    InDoubt = isWrite,
                    Retryable = !isWrite,
                };
            default:
                LogUnexpected(logger, exception, ProblemWriter.TraceIdOf(context));
                return new(ProblemKinds.Internal, "The gateway's log tells more under this traceId.")
                {
                    InDoubt = isWrite,
                };
        }
    }

    /// <summary>The exception alone does not tell: connections between nodes break with the same types.</summary>
    private static bool IsCallerGone(HttpContext context, Exception exception) =>
        exception is CallerGoneException
        || (
            context.RequestAborted.IsCancellationRequested
            && exception is OperationCanceledException or IOException or BadHttpRequestException
        );

    [LoggerMessage(Level = LogLevel.Debug, Message = "A caller went away before its answer.")]
    private static partial void LogCallerGone(ILogger logger);

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {TraceId}: the answer broke off.")]
    private static partial void LogAnswerBroken(ILogger logger, Exception exception, string traceId);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Request {TraceId}: the cluster did not answer in time.")]
    private static partial void LogNoAnswer(ILogger logger, Exception exception, string traceId);

    [LoggerMessage(Level = LogLevel.Error, Message = "Request {TraceId}: unexpected failure.")]
    private static partial void LogUnexpected(ILogger logger, Exception exception, string traceId);
}
