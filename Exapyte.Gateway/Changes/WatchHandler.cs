using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Changes;

/// <summary>
/// GET K/changes: the changes of a keyspace as they are committed, as server-sent events, or as lines where the caller accepts
/// NDJSON. The answer goes on until the caller leaves, the node stops, or something is to be said against it: then that is its
/// last event. A caller that takes nothing for a while is cut off, and may go on from the last token that it has.
/// </summary>
internal sealed class WatchHandler(
    IExapyteClient client,
    ProblemWriter problems,
    ExapyteGatewayOptions limits,
    ChangeTokenCodec tokens,
    TimeProvider time
)
{
    private int watchers;

    /// <summary>Answers the call.</summary>
    /// <param name="context">The request.</param>
    /// <param name="call">The call.</param>
    /// <param name="judge">Why the caller may not watch any more; null while it may.</param>
    public async Task HandleAsync(HttpContext context, Call call, Func<ValueTask<Problem?>> judge)
    {
        if (WatchRequest.Read(context.Request.Headers, call, limits, tokens, out var query) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        if (Interlocked.Increment(ref watchers) > limits.WatchersMax)
        {
            Interlocked.Decrement(ref watchers);
            await problems.WriteAsync(
                context,
                new(
                    ProblemKinds.Overloaded,
                    "Too many watch changes through this node; go on from your token elsewhere."
                )
            );
            return;
        }
        var stopping = context.RequestServices.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? default;
        using var end = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted, stopping);
        try
        {
            await WatchAsync(context, call, query, judge, end.Token);
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // What was sent is whole, and the caller goes on from its token at another node.
        }
        finally
        {
            Interlocked.Decrement(ref watchers);
        }
    }

    private async Task WatchAsync(
        HttpContext context,
        Call call,
        ChangesQuery query,
        Func<ValueTask<Problem?>> judge,
        CancellationToken cancellationToken
    )
    {
        await using var parts = client
            .WatchAsync(call.Keyspace, query, cancellationToken)
            .GetAsyncEnumerator(cancellationToken);
        if (!await parts.MoveNextAsync())
        {
            return;
        }
        if (ProblemOf(call, parts.Current) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        using var stream = await BeginAsync(context, call, cancellationToken);
        var judgedAt = time.GetTimestamp();
        while (true)
        {
            stream.Write(parts.Current);
            var next = parts.MoveNextAsync().AsTask();
            if ((!next.IsCompleted || stream.IsFull) && !await FlushAsync(context, stream, next, cancellationToken))
            {
                return;
            }
            if (!await next)
            {
                return;
            }
            var ended = ProblemOf(call, parts.Current);
            if (ended is null && time.GetElapsedTime(judgedAt) >= limits.ChangesHeartbeat)
            {
                judgedAt = time.GetTimestamp();
                ended = await judge();
            }
            if (ended is not null)
            {
                stream.Write(ended, parts.Current.Token);
                await FlushAsync(context, stream, Task.CompletedTask, cancellationToken);
                return;
            }
        }
    }

    private async Task<ChangeStream> BeginAsync(HttpContext context, Call call, CancellationToken cancellationToken)
    {
        var isLines = AcceptedTypes.PrefersLines(context.Request, "text/event-stream");
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        response.Headers.CacheControl = Headers.NoStore;
        response.Headers.ContentType = isLines ? Headers.Ndjson : Headers.EventStream;
        await response.StartAsync(cancellationToken);
        return new(context, token => tokens.Write(call.TokenScope, token), isLines);
    }

    /// <summary>
    /// Sends what was written; false where the caller is gone, or was cut off because it takes nothing: then not before the next
    /// change is there or given up.
    /// </summary>
    private async ValueTask<bool> FlushAsync(
        HttpContext context,
        ChangeStream stream,
        Task next,
        CancellationToken cancellationToken
    )
    {
        try
        {
            var flush = stream.FlushAsync(cancellationToken);
            var isSent = flush.IsCompletedSuccessfully
                ? flush.Result
                : await flush.AsTask().WaitAsync(limits.ChangesStallMax, time, cancellationToken);
            if (isSent)
            {
                return true;
            }
        }
        catch (Exception exception) when (exception is TimeoutException or OperationCanceledException)
        {
            // As if it had left.
        }
        context.Abort();
        // The changes must not be let go of while they move on.
        await next.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return false;
    }

    private static Problem? ProblemOf(in Call call, in ChangesPart part) =>
        part.Kind switch
        {
            OutcomeKind.Ok => null,
            OutcomeKind.NoSuchKeyspace => OutcomeProblems.NoSuchKeyspace(call.Keyspace),
            _ when part.RefusesToken => new(ProblemKinds.InvalidToken, part.Detail ?? ProblemKinds.InvalidToken.Title),
            _ => OutcomeProblems.Of(part.Kind, part.Detail, repeatable: true),
        };
}
