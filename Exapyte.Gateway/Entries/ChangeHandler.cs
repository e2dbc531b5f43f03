using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Entries;

/// <summary>
/// POST K/entries/{key}/increment and PATCH K/entries/{key}: writes whose value depends on the one that is there. Both are judged
/// where they are applied, so that no concurrent write is lost and a retry under an idempotency key answers the same.
/// </summary>
internal sealed class ChangeHandler(IExapyteClient client, ProblemWriter problems, int valueBytesMax)
{
    private const int IncrementBodyBytesMax = 1_024;

    /// <summary>Adds to the integer that the entry is, and answers the sum.</summary>
    public async Task IncrementAsync(HttpContext context, Call call)
    {
        var refusal = EntryRequest.ReadChange(context.Request.Headers, call, out var request);
        var by = 1L;
        if (refusal is null)
        {
            var body = await JsonBody.ReadAsync(context, IncrementBodyBytesMax);
            using var document = body.Document;
            refusal = body.Refusal ?? ReadBy(document, out by);
        }
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var amount = Encoding.ASCII.GetBytes(by.ToString(CultureInfo.InvariantCulture));
        if (
            await ExecuteAsync(context, call, request.ToOperation(OperationKind.Increment, call.Key, amount))
            is not { } done
        )
        {
            return;
        }
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        EntryAnswer.SetVersion(response, done);
        response.Headers.ContentType = Headers.Json;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        await using var writer = new Utf8JsonWriter(response.BodyWriter, GatewayJson.WriterOptions);
        writer.WriteStartObject();
        EntryJson.WriteIncremented(writer, done);
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }

    /// <summary>Changes the JSON that the entry is by a merge patch (RFC 7396).</summary>
    public async Task PatchAsync(HttpContext context, Call call)
    {
        var refusal = EntryRequest.ReadChange(context.Request.Headers, call, out var request);
        refusal ??= RefuseType(context.Request);
        byte[] patch = [];
        if (refusal is null)
        {
            var body = await JsonBody.ReadAsync(context, valueBytesMax);
            using var document = body.Document;
            refusal =
                body.Refusal
                ?? (
                    document is null
                        ? new(ProblemKinds.InvalidBody, "The body must be a merge patch, which is JSON.")
                        : null
                );
            patch = document is null ? [] : JsonMarshal.GetRawUtf8Value(document.RootElement).ToArray();
        }
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        if (await ExecuteAsync(context, call, request.ToOperation(OperationKind.Merge, call.Key, patch)) is { } done)
        {
            EntryAnswer.SetWritten(context.Response, done);
        }
    }

    /// <summary>Runs it; null where it failed and has been answered.</summary>
    private async Task<OperationOutcome?> ExecuteAsync(HttpContext context, Call call, Operation operation)
    {
        var result = await client.ExecuteAsync(
            call.Keyspace,
            operation,
            new CallOptions { Session = call.Session },
            CancellationToken.None
        );
        ServedHeader.Set(context.Response.Headers, result.Served);
        var problem =
            result.Outcome.Kind == OutcomeKind.NoSuchKeyspace
                ? OutcomeProblems.NoSuchKeyspace(call.Keyspace)
                : OutcomeProblems.Of(result.Outcome, operation.RequestId is not null);
        if (problem is null)
        {
            return result.Outcome;
        }
        await problems.WriteAsync(context, problem);
        return null;
    }

    private static Problem? ReadBy(JsonDocument? document, out long by)
    {
        by = 1;
        if (document is null)
        {
            return null;
        }
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            return new(ProblemKinds.InvalidBody, "The body must be an object such as {\"by\":1}, or empty.");
        }
        foreach (var member in document.RootElement.EnumerateObject())
        {
            if (member.Name != "by")
            {
                return new(ProblemKinds.InvalidBody, $"'{member.Name}' is not known; an increment has by.");
            }
            if (member.Value.ValueKind != JsonValueKind.Number || !member.Value.TryGetInt64(out by))
            {
                return new(ProblemKinds.InvalidBody, "by must be a whole number of 64 bits.");
            }
        }
        return null;
    }

    private static Problem? RefuseType(HttpRequest request) =>
        MediaTypeHeaderValue.TryParse(request.ContentType, out var type)
        && type.MediaType.Equals("application/merge-patch+json", StringComparison.OrdinalIgnoreCase)
            ? null
            : new(
                ProblemKinds.UnsupportedMediaType,
                "A patch is a JSON merge patch (RFC 7396): send Content-Type: application/merge-patch+json."
            );
}
