using Exapyte.Client;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Security;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Imports;

/// <summary>
/// POST K/import: entries as lines, as the NDJSON listing gives them, of any number and never held whole. A line that
/// cannot be read ends the import: what stands before it is in, nothing behind it is.
/// </summary>
internal sealed class ImportHandler(
    IExapyteClient client,
    ProblemWriter problems,
    ExapyteGatewayOptions limits,
    TimeProvider time
)
{
    /// <summary>
    /// What a value may take as text (a byte as <c>\u0000</c>), the key likewise, and names, type and times beside them.
    /// </summary>
    private int LineBytesMax => (6 * (limits.ValueBytesMax + limits.KeyBytesMax)) + (16 << 10);

    /// <summary>Answers the call.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        var headers = context.Request.Headers;
        var refusal =
            EntryRequest.ReadConsistency(headers, call, out var level) ?? RefuseHeaders(headers) ?? RefuseBody(context);
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } bound)
        {
            bound.MaxRequestBodySize = null;
        }
        var run = new ImportRun(client, call.Keyspace, call.Session, limits, time);
        var problem = await RunAsync(context, call, run, level);
        await (
            problem is null
                ? JsonAnswer.WriteAsync(
                    context,
                    StatusCodes.Status200OK,
                    run.Document,
                    GatewayJson.Relaxed.ImportDocument
                )
                : problems.WriteAsync(context, problem)
        );
    }

    private async Task<Problem?> RunAsync(HttpContext context, Call call, ImportRun run, ConsistencyRequest level)
    {
        using var lines = new LineReader(new CallersBody(context.Request.Body), LineBytesMax);
        long read = 0;
        while (true)
        {
            BodyLine? next;
            try
            {
                next = await ReadAsync(context, run, lines);
            }
            catch (BadHttpRequestException exception)
            {
                return run.End(BodyProblems.Of(exception, "lines before it were imported"), read + 1);
            }
            if (next is not { } line)
            {
                break;
            }
            read = line.Number;
            if (line.IsTooLong)
            {
                return await RefuseLineAsync(
                    run,
                    line,
                    new(ProblemKinds.TooLarge, $"Line {line.Number} is longer than {LineBytesMax} bytes.")
                );
            }
            var reader = new ImportLine(limits, level, time.GetUtcNow().ToUnixTimeMilliseconds());
            var put = reader.Read(line.Text);
            if (reader.Fault is { } fault)
            {
                return await RefuseLineAsync(
                    run,
                    line,
                    new(ProblemKinds.InvalidBody, $"Line {line.Number} {fault} What stands before it was imported.")
                );
            }
            if (put is not null && call.Caller.RefuseAt(KeyRights.Write, call.Keyspace, put.Key.Span) is { } forbidden)
            {
                return await RefuseLineAsync(run, line, forbidden);
            }
            if (reader.HasExpired)
            {
                run.Expired++;
            }
            else if (put is not null && await run.AddAsync(line.Number, put) is { } problem)
            {
                return problem;
            }
        }
        return await run.FinishAsync();
    }

    /// <summary>A body that ends in its middle leaves no write behind that nobody waits for.</summary>
    private static async ValueTask<BodyLine?> ReadAsync(HttpContext context, ImportRun run, LineReader lines)
    {
        try
        {
            return await lines.ReadAsync(context.RequestAborted);
        }
        catch
        {
            await run.FinishAsync();
            throw;
        }
    }

    private static async Task<Problem> RefuseLineAsync(ImportRun run, BodyLine line, Problem problem) =>
        await run.FinishAsync() ?? run.End(problem, line.Number);

    private static Problem? RefuseHeaders(IHeaderDictionary headers) =>
        headers[Headers.IdempotencyKey].Count > 0
            ? new(
                ProblemKinds.InvalidHeader,
                $"An import takes no {Headers.IdempotencyKey}: importing lines twice is putting their entries twice."
            )
        : Conditions.AreIn(headers) ? new(ProblemKinds.InvalidHeader, "An import takes no condition; a batch does.")
        : null;

    /// <summary>Its own media type is asked for, which a page of another origin cannot send.</summary>
    private static Problem? RefuseBody(HttpContext context) =>
        context.Request.Headers.ContentEncoding.Count > 0
            ? new(ProblemKinds.UnsupportedMediaType, "An import must not have a Content-Encoding.")
        : !MediaTypeHeaderValue.TryParse(context.Request.ContentType, out var type)
        || !(
            type.MediaType.Equals("application/x-ndjson", StringComparison.OrdinalIgnoreCase)
            || type.MediaType.Equals("application/ndjson", StringComparison.OrdinalIgnoreCase)
        )
            ? new(
                ProblemKinds.UnsupportedMediaType,
                "The body must be JSON lines: send Content-Type: application/x-ndjson."
            )
        : null;
}
