using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Changes;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;

namespace Exapyte.Gateway.Listing;

/// <summary>
/// GET K/entries: one page as JSON, or all of them as a stream of lines where the caller accepts NDJSON. A stream ends
/// with a line <c>{"cursor":...}</c>; one without it was cut off.
/// </summary>
internal sealed class ListingHandler(
    IExapyteClient client,
    ProblemWriter problems,
    ExapyteGatewayOptions limits,
    CursorCodec cursors,
    ChangeTokenCodec tokens,
    SessionTokens sessions
)
{
    private const int FlushBytes = 64 << 10;

    /// <summary>Answers the call.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        var isStream = AcceptedTypes.PrefersLines(context.Request, "application/json");
        var headers = context.Request.Headers;
        var refusal = ListingRequest.Read(headers, call, isStream, limits, cursors, out var request);
        if (refusal is not null || request is null)
        {
            await problems.WriteAsync(
                context,
                refusal ?? throw new InvalidOperationException("A listing without query.")
            );
            return;
        }
        request = request with
        {
            Query = request.Query with { Session = sessions.OfRead(context, call, request.Query.Level) },
        };
        var page = await client.ScanAsync(call.Keyspace, request.Query, context.RequestAborted);
        ServedHeader.Set(context.Response.Headers, page.Served);
        if (ProblemOf(call.Keyspace, request.Query, page) is { } problem)
        {
            await problems.WriteAsync(context, problem);
            return;
        }
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        response.Headers.ContentType = isStream ? Headers.Ndjson : Headers.Json;
        if (isStream)
        {
            await response.StartAsync(context.RequestAborted);
            await WriteLinesAsync(context, call, request, page);
        }
        else
        {
            await PageCompression.RunAsync(
                context,
                page.Entries.Sum(entry => entry.Key.Length + entry.Entry.Value.Length),
                () => WritePageAsync(context, call, request.Query, page)
            );
        }
    }

    private async Task WritePageAsync(HttpContext context, Call call, ScanQuery query, ScanPage page)
    {
        await context.Response.StartAsync(context.RequestAborted);
        var output = context.Response.BodyWriter;
        await using var writer = new Utf8JsonWriter(output, GatewayJson.WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartArray("entries"u8);
        foreach (var entry in page.Entries)
        {
            WriteEntry(writer, entry.Key, entry.Entry, query.KeysOnly);
            if (writer.BytesPending > FlushBytes)
            {
                writer.Flush();
                await output.FlushAsync(context.RequestAborted);
            }
        }
        writer.WriteEndArray();
        if (!query.Delimiter.IsEmpty)
        {
            EntryJson.WritePrefixes(writer, page.Prefixes);
        }
        WriteCursor(writer, CursorBehind(call, query, page));
        WriteChanges(writer, TokenOf(call, page));
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }

    private async Task WriteLinesAsync(HttpContext context, Call call, ListingRequest request, ScanPage page)
    {
        var query = request.Query;
        var left = request.EntriesMax ?? long.MaxValue;
        var changes = TokenOf(call, page);
        using var lines = new LineStream(context);
        while (true)
        {
            foreach (var (key, entry) in page.InOrder(query.Reverse))
            {
                WriteEntry(lines.Writer, key, entry, query.KeysOnly);
                if (!await lines.EndLineAsync())
                {
                    return;
                }
            }
            left -= page.Entries.Count + page.Prefixes.Count;
            var next = NextQuery(query, page, left);
            if (next is null)
            {
                await WriteLastLineAsync(
                    context,
                    lines,
                    CursorBehind(call, query, page),
                    changes,
                    query.Session,
                    problem: null
                );
                return;
            }
            var resumeAt = CursorBehind(call, query, page);
            query = next;
            page = await client.ScanAsync(call.Keyspace, query, context.RequestAborted);
            if (ProblemOf(call.Keyspace, query, page) is { } problem)
            {
                await WriteLastLineAsync(context, lines, resumeAt, changes, query.Session, problem);
                return;
            }
        }
    }

    /// <summary>The query of the page behind this one; null where there is none or the caller's limit is reached.</summary>
    private static ScanQuery? NextQuery(ScanQuery query, ScanPage page, long left) =>
        page.More && left > 0 && page.Last(query.Reverse) is { } last
            ? query with
            {
                After = last,
                KeyspaceId = page.KeyspaceId,
                EntriesMax = (int)Math.Min(query.EntriesMax, left),
            }
            : null;

    /// <summary>The cursor behind a page; null at the end.</summary>
    private string? CursorBehind(in Call call, ScanQuery query, ScanPage page) =>
        // An empty page that is not the last goes on from where it was asked.
        page.More && (page.Last(query.Reverse) ?? query.After) is { } last
            ? cursors.Write(
                call.TokenScope,
                new()
                {
                    KeyspaceId = page.KeyspaceId,
                    After = last,
                    Start = query.Start,
                    End = query.End,
                    Prefix = query.Prefix,
                    Reverse = query.Reverse,
                    Delimiter = query.Delimiter,
                }
            )
            : null;

    /// <summary>Writes an entry, or a common prefix, which has none.</summary>
    private static void WriteEntry(
        Utf8JsonWriter writer,
        ReadOnlyMemory<byte> key,
        OperationOutcome? entry,
        bool keysOnly
    )
    {
        writer.WriteStartObject();
        if (entry is null)
        {
            EntryJson.WritePrefix(writer, key.Span);
        }
        else
        {
            EntryJson.WriteKey(writer, key.Span);
            EntryJson.WriteEntry(writer, entry, withValue: !keysOnly);
        }
        writer.WriteEndObject();
    }

    private static void WriteCursor(Utf8JsonWriter writer, string? cursor)
    {
        if (cursor is null)
        {
            writer.WriteNull("cursor"u8);
        }
        else
        {
            writer.WriteString("cursor"u8, cursor);
        }
    }

    /// <summary>From where to watch to miss nothing that the listing lacks; null where it does not say.</summary>
    private string? TokenOf(in Call call, ScanPage page) =>
        page.Changes is { } token ? tokens.Write(call.TokenScope, token) : null;

    private static void WriteChanges(Utf8JsonWriter writer, string? token)
    {
        if (token is not null)
        {
            writer.WriteString("changes"u8, token);
        }
    }

    private async Task WriteLastLineAsync(
        HttpContext context,
        LineStream lines,
        string? cursor,
        string? changes,
        ClientSession? session,
        Problem? problem
    )
    {
        var writer = lines.Writer;
        writer.WriteStartObject();
        WriteCursor(writer, cursor);
        WriteChanges(writer, changes);
        if (sessions.TextOf(session) is { } token)
        {
            // The header left with the first page.
            writer.WriteString("session"u8, token);
        }
        if (problem is not null)
        {
            writer.WritePropertyName("problem"u8);
            JsonSerializer.Serialize(
                writer,
                ProblemWriter.DocumentOf(context, problem),
                GatewayJson.Relaxed.ProblemDocument
            );
        }
        writer.WriteEndObject();
        if (await lines.EndLineAsync())
        {
            await lines.FlushAsync();
        }
    }

    private static Problem? ProblemOf(string keyspace, ScanQuery query, ScanPage page) =>
        page.Kind switch
        {
            OutcomeKind.Ok => null,
            OutcomeKind.NoSuchKeyspace => OutcomeProblems.NoSuchKeyspace(keyspace),
            OutcomeKind.Invalid when query.KeyspaceId != 0 && page.KeyspaceId != query.KeyspaceId => new(
                ProblemKinds.InvalidCursor,
                page.Detail ?? "The cursor was made for a keyspace that is gone. Start the listing again."
            ),
            _ => OutcomeProblems.Of(page.Kind, page.Detail, repeatable: true),
        };
}
