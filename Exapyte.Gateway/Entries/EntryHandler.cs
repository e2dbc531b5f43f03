using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Entries;

/// <summary>
/// GET, HEAD, PUT and DELETE of one entry: the hot path. Operations are not cancelled when their caller goes away: they
/// are part of shared batches, end at the client's own deadline, and a token on each would cost every caller.
/// </summary>
internal sealed class EntryHandler(
    IExapyteClient client,
    ProblemWriter problems,
    SessionTokens sessions,
    int valueBytesMax,
    TimeProvider time
)
{
    /// <summary>Answers a call whose method the route serves.</summary>
    public Task HandleAsync(HttpContext context, Call call)
    {
        var method = context.Request.Method;
        return HttpMethods.IsGet(method) ? ReadAsync(context, call, OperationKind.Get)
            : HttpMethods.IsPut(method) ? PutAsync(context, call)
            : HttpMethods.IsHead(method) ? ReadAsync(context, call, OperationKind.Head)
            : DeleteAsync(context, call);
    }

    private async Task ReadAsync(HttpContext context, Call call, OperationKind kind)
    {
        var headers = context.Request.Headers;
        ReadPreconditions preconditions = default;
        var refusal = EntryRequest.ReadConsistency(headers, call, out var consistency);
        refusal ??= ReadPreconditions.Read(headers, out preconditions);
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var operation = new Operation
        {
            Kind = kind,
            Key = call.Key,
            Level = consistency.Level,
            MaxStalenessMs = consistency.MaxStalenessMs,
        };
        var session = sessions.OfRead(context, call, consistency.Level);
        var result = await client.ExecuteAsync(
            call.Keyspace,
            operation,
            new CallOptions { Session = session },
            CancellationToken.None
        );
        ServedHeader.Set(context.Response.Headers, result.Served);
        if (ProblemOf(call, result.Outcome, repeatable: true) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        var status = preconditions.StatusFor(result.Outcome.Version);
        if (status == StatusCodes.Status412PreconditionFailed)
        {
            await problems.WriteAsync(
                context,
                OutcomeProblems.Of(OutcomeKind.PreconditionFailed, null, repeatable: true) with
                {
                    Version = result.Outcome.Version,
                }
            );
            return;
        }
        var nowMs = time.GetUtcNow().ToUnixTimeMilliseconds();
        await EntryAnswer.WriteAsync(
            context.Response,
            result.Outcome,
            status,
            withValue: kind == OperationKind.Get,
            nowMs
        );
    }

    private async Task PutAsync(HttpContext context, Call call)
    {
        if (EntryRequest.ReadPut(context.Request.Headers, call, out var request) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        if (await BodyReader.ReadAsync(context, valueBytesMax) is not { } value)
        {
            await problems.WriteAsync(
                context,
                new(ProblemKinds.TooLarge, $"The value is larger than {valueBytesMax} bytes; nothing changed.")
            );
            return;
        }
        await WriteAsync(context, call, request.ToOperation(OperationKind.Put, call.Key, value));
    }

    private Task DeleteAsync(HttpContext context, Call call)
    {
        if (EntryRequest.ReadDelete(context.Request.Headers, call, out var request) is { } refusal)
        {
            return problems.WriteAsync(context, refusal);
        }
        return WriteAsync(context, call, request.ToOperation(OperationKind.Delete, call.Key, []));
    }

    private async Task WriteAsync(HttpContext context, Call call, Operation operation)
    {
        var result = await client.ExecuteAsync(
            call.Keyspace,
            operation,
            new CallOptions { Session = call.Session },
            CancellationToken.None
        );
        var response = context.Response;
        ServedHeader.Set(response.Headers, result.Served);
        if (ProblemOf(call, result.Outcome, operation.RequestId is not null) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        if (operation.Kind == OperationKind.Delete)
        {
            response.StatusCode = StatusCodes.Status204NoContent;
            return;
        }
        EntryAnswer.SetWritten(response, result.Outcome);
    }

    private static Problem? ProblemOf(in Call call, OperationOutcome outcome, bool repeatable) =>
        outcome.Kind switch
        {
            OutcomeKind.Ok => null,
            OutcomeKind.NoSuchKeyspace => OutcomeProblems.NoSuchKeyspace(call.Keyspace),
            _ => OutcomeProblems.Of(outcome, repeatable),
        };
}

/// <summary>Answers that hold an entry.</summary>
internal static class EntryAnswer
{
    /// <summary>Answers a read: 200 with the value, or the headers alone (HEAD, 304).</summary>
    public static ValueTask WriteAsync(
        HttpResponse response,
        OperationOutcome entry,
        int status,
        bool withValue,
        long nowMs
    )
    {
        response.StatusCode = status;
        var headers = response.Headers;
        headers.ETag = EntityTags.Of(entry.Version);
        if (entry.ModifiedMs > 0)
        {
            // The server's own date is up to a second old, and another node's clock may be ahead: RFC 9110, section 8.8.2.1,
            // wants no entry to be newer than the answer.
            headers.Date = Timestamps.HttpDate(nowMs);
            headers.LastModified = Timestamps.HttpDate(Math.Min(entry.ModifiedMs, nowMs));
        }
        SetExpires(response, entry);
        if (status == StatusCodes.Status304NotModified)
        {
            return ValueTask.CompletedTask;
        }
        SetContentType(response, entry.ContentType);
        if (!withValue)
        {
            response.ContentLength = entry.ValueBytes;
            return ValueTask.CompletedTask;
        }
        response.ContentLength = entry.Value.Length;
        var written = response.BodyWriter.WriteAsync(entry.Value, CancellationToken.None);
        if (!written.IsCompletedSuccessfully)
        {
            return new(written.AsTask());
        }
        // A pooled source must be read once.
        _ = written.Result;
        return ValueTask.CompletedTask;
    }

    /// <summary>Sets the answer to a put: 201 where the key had no entry, else 204.</summary>
    public static void SetWritten(HttpResponse response, OperationOutcome entry)
    {
        response.StatusCode = entry.Changed ? StatusCodes.Status201Created : StatusCodes.Status204NoContent;
        SetVersion(response, entry);
    }

    /// <summary>Sets what tells of the entry that was written.</summary>
    public static void SetVersion(HttpResponse response, OperationOutcome entry)
    {
        response.Headers.ETag = EntityTags.Of(entry.Version);
        SetExpires(response, entry);
    }

    private static void SetExpires(HttpResponse response, OperationOutcome entry)
    {
        if (entry.ExpiresMs > 0)
        {
            response.Headers[Headers.Expires] = Timestamps.Rfc3339(entry.ExpiresMs);
        }
    }

    /// <summary>
    /// Anyone who may write chooses the media type, so a browser is told not to guess and not to run what it shows.
    /// </summary>
    private static void SetContentType(HttpResponse response, string contentType)
    {
        var headers = response.Headers;
        headers.XContentTypeOptions = Headers.NoSniff;
        if (contentType.Length == 0 || !EntryRequest.IsContentType(contentType))
        {
            return;
        }
        headers.ContentType = contentType;
        if (MayRun(contentType))
        {
            headers.ContentSecurityPolicy = Headers.Sandbox;
        }
    }

    private static bool MayRun(ReadOnlySpan<char> contentType) =>
        contentType.Contains("html", StringComparison.OrdinalIgnoreCase)
        || contentType.Contains("xml", StringComparison.OrdinalIgnoreCase);
}
