using System.Text.Json;
using Exapyte.Client;
using Exapyte.Client.Queries;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Exapyte.Queries.Execution;
using Exapyte.Security;

namespace Exapyte.Gateway.Queries;

/// <summary>POST K/query: a page of rows. POST K/query/explain: how it would be run.</summary>
internal sealed class QueryHandler(
    IExapyteClient client,
    ProblemWriter problems,
    QueryCursorCodec cursors,
    SessionTokens sessions
)
{
    private const int BodyBytesMax = 1 << 20;
    private const int FlushBytes = 64 << 10;

    /// <summary>Answers POST K/query.</summary>
    public async Task QueryAsync(HttpContext context, Call call)
    {
        var body = await JsonBody.ReadAsync(context, BodyBytesMax);
        using var document = body.Document;
        if (Refuse(context, call, body, out var request) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var fingerprint = QueryCursorCodec.FingerprintOf(document);
        var options = request!.Options with { Session = sessions.OfRead(context, call, request.Options.Level) };
        if (request.Cursor is { } text)
        {
            if (!cursors.TryRead(call.TokenScope, fingerprint, text, out var cursor))
            {
                await problems.WriteAsync(context, OtherCursor());
                return;
            }
            options = options with { KeyspaceId = cursor.KeyspaceId, After = cursor.After };
        }
        var page = await client.QueryAsync(call.Keyspace, request.Plan, options, context.RequestAborted);
        ServedHeader.Set(context.Response.Headers, page.Served);
        if (ProblemOf(call.Keyspace, options, page) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        var next = page.End.IsEmpty
            ? null
            : cursors.Write(call.TokenScope, fingerprint, new(page.KeyspaceId, page.End));
        await WriteAsync(context, page, next);
    }

    /// <summary>Answers POST K/query/explain.</summary>
    public async Task ExplainAsync(HttpContext context, Call call)
    {
        var body = await JsonBody.ReadAsync(context, BodyBytesMax);
        using var document = body.Document;
        if (Refuse(context, call, body, out var request) is { } refusal)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var all = await client.GetShardsAsync(call.Keyspace, context.RequestAborted);
        if (all is null)
        {
            await problems.WriteAsync(context, OutcomeProblems.NoSuchKeyspace(call.Keyspace));
            return;
        }
        var indexes = await QueryIndexes.FindAsync(
            client,
            call.Keyspace,
            request!.Plan,
            request.Options.Index,
            context.RequestAborted
        );
        if (QueryExplanation.Of(request, indexes, all) is not { } explanation)
        {
            var detail = indexes.Refusal ?? $"Index '{request.Options.Index}' is not ready on every shard.";
            await problems.WriteAsync(context, OutcomeProblems.Of(OutcomeKind.Invalid, detail, repeatable: true));
            return;
        }
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.ContentType = Headers.Json;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        await using var writer = new Utf8JsonWriter(response.BodyWriter, GatewayJson.WriterOptions);
        // The estimate counts entries of the whole keyspace.
        explanation.Write(writer, withEstimate: call.Caller.May(KeyRights.Read, call.Keyspace));
        await writer.FlushAsync(context.RequestAborted);
    }

    private static Problem? Refuse(HttpContext context, in Call call, in JsonBody body, out QueryRequest? request)
    {
        request = null;
        if (EntryRequest.ReadConsistency(context.Request.Headers, call, out var consistency) is { } refusal)
        {
            return refusal;
        }
        return body.Refusal
            ?? QueryRequest.Read(body.Document, consistency, out request)
            ?? RefuseKeys(call, request!.Plan.Keys);
    }

    /// <summary>
    /// Every key that is looked at must be one that the caller may read, whether or not it matches: what is examined, how long
    /// that takes and what an aggregate says would tell of the others.
    /// </summary>
    private static Problem? RefuseKeys(in Call call, KeyInterval keys) =>
        keys.IsEmpty ? null : call.Caller.RefuseBetween(KeyRights.Read, call.Keyspace, keys.Start.Span, keys.End);

    private static Problem OtherCursor() =>
        new(
            ProblemKinds.InvalidCursor,
            "The cursor was not made for this query in this keyspace by this cluster, or was changed. Start again without it."
        );

    private static Problem? ProblemOf(string keyspace, QueryOptions options, QueryPage page) =>
        page.Kind switch
        {
            OutcomeKind.Ok => null,
            OutcomeKind.NoSuchKeyspace => OutcomeProblems.NoSuchKeyspace(keyspace),
            OutcomeKind.Invalid when options.KeyspaceId != 0 && page.KeyspaceId != options.KeyspaceId => OtherCursor(),
            _ => OutcomeProblems.Of(page.Kind, page.Detail, repeatable: true),
        };

    private static async Task WriteAsync(HttpContext context, QueryPage page, string? cursor)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.ContentType = Headers.Json;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        await response.StartAsync(context.RequestAborted);
        await using var writer = new Utf8JsonWriter(response.BodyWriter, GatewayJson.WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartArray("items"u8);
        foreach (var row in page.Rows)
        {
            if (row.Item is { } entry)
            {
                writer.WriteStartObject();
                EntryJson.WriteKey(writer, entry.Key.Span);
                EntryJson.WriteEntry(writer, entry.Entry, withValue: true);
                writer.WriteEndObject();
            }
            else
            {
                writer.WriteRawValue(row.Json.Span, skipInputValidation: true);
            }
            if (writer.BytesPending > FlushBytes)
            {
                writer.Flush();
                await response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        }
        writer.WriteEndArray();
        if (cursor is null)
        {
            writer.WriteNull("cursor"u8);
        }
        else
        {
            writer.WriteString("cursor"u8, cursor);
        }
        writer.WriteNumber("examined"u8, page.Examined);
        writer.WriteNumber("returned"u8, page.Rows.Count);
        writer.WriteString("index"u8, page.Index);
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }
}
