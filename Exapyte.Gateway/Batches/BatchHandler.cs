using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Entries;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Operations;
using Exapyte.Security;

namespace Exapyte.Gateway.Batches;

/// <summary>
/// POST K/batch. Independent items each have a status of their own in a 200. An atomic batch has one outcome: 200 where
/// it applied, else the problem of the item that decided it.
/// </summary>
internal sealed class BatchHandler(IExapyteClient client, ProblemWriter problems, ExapyteGatewayOptions limits)
{
    private const int FlushBytes = 64 << 10;

    // What is remembered of a batch names its items behind the id: "#999".
    private const int RequestIdCharsMax = Limits.RequestIdCharsMax - 4;

    /// <summary>JSON spends up to a third more on base64, and some on names and escapes.</summary>
    private int BodyBytesMax => (2 * limits.BatchBytesMax) + (1 << 20);

    /// <summary>Answers the call.</summary>
    public async Task HandleAsync(HttpContext context, Call call)
    {
        var headers = context.Request.Headers;
        var refusal = EntryRequest.ReadConsistency(headers, call, out var consistency);
        string? requestId = null;
        refusal ??= EntryRequest.ReadRequestId(headers, out requestId);
        refusal ??= RefuseHeaders(headers, requestId);
        if (refusal is not null)
        {
            await problems.WriteAsync(context, refusal);
            return;
        }
        var body = await JsonBody.ReadAsync(context, BodyBytesMax, BatchRequest.LevelsAroundValues);
        using var document = body.Document;
        BatchRequest? batch = null;
        refusal =
            body.Refusal
            ?? BatchRequest.Read(document, requestId, consistency, limits, out batch)
            ?? RefuseItem(call, batch!);
        if (refusal is not null || batch is null)
        {
            await problems.WriteAsync(
                context,
                refusal ?? throw new InvalidOperationException("A batch without items.")
            );
            return;
        }
        var results =
            batch.Operations.Length == 0
                ? []
                : await client.ExecuteBatchAsync(
                    call.Keyspace,
                    batch.Operations,
                    batch.Atomic,
                    new CallOptions { Session = SessionOf(call, batch) },
                    CancellationToken.None
                );
        var problem = ProblemOfAll(call.Keyspace, results) ?? (batch.Atomic ? ProblemOfAtomic(batch, results) : null);
        await (
            problem is null ? WriteAsync(context, batch.Operations, results) : problems.WriteAsync(context, problem)
        );
    }

    /// <summary>Reads at other levels give no token.</summary>
    private static ClientSession? SessionOf(in Call call, BatchRequest batch) =>
        Array.Exists(batch.Operations, operation => operation.IsWrite || operation.Level == ConsistencyLevel.Session)
            ? call.Session
            : null;

    /// <summary>A batch in a keyspace that is not there: not a thousand times the same.</summary>
    private static Problem? ProblemOfAll(string keyspace, OperationResult[] results) =>
        results.Length > 0 && Array.TrueForAll(results, result => result.Outcome.Kind == OutcomeKind.NoSuchKeyspace)
            ? OutcomeProblems.NoSuchKeyspace(keyspace)
            : null;

    /// <summary>
    /// Why an atomic batch did not apply, or may not have: what is in doubt before what failed, and of that the item that
    /// decided. An absent entry is no failure.
    /// </summary>
    private static Problem? ProblemOfAtomic(BatchRequest batch, OperationResult[] results)
    {
        var inDoubt = Positions(results, result => result.Outcome.InDoubt);
        var failed =
            inDoubt.Count > 0
                ? inDoubt
                : Positions(results, result => result.Outcome.Kind is not (OutcomeKind.Ok or OutcomeKind.NotFound));
        if (failed.Count == 0)
        {
            return null;
        }
        // Where all of it was refused, or is in doubt, no item decided that.
        var decided = results[failed[0]].Outcome.DecidedBy ?? (failed.Count == 1 ? failed[0] : null);
        var why = results[decided ?? failed[0]].Outcome;
        return OutcomeProblems.Of(why, batch.IsRepeatable)! with { Item = decided };
    }

    private static List<int> Positions(OperationResult[] results, Predicate<OperationResult> are) =>
        [.. Enumerable.Range(0, results.Length).Where(at => are(results[at]))];

    private static bool IsRepeatable(Operation operation) => !operation.IsWrite || operation.RequestId is not null;

    private static async Task WriteAsync(HttpContext context, Operation[] operations, OperationResult[] results)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.ContentType = Headers.Json;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        await response.StartAsync(context.RequestAborted);
        await using var writer = new Utf8JsonWriter(response.BodyWriter, GatewayJson.WriterOptions);
        writer.WriteStartObject();
        writer.WriteStartArray("items"u8);
        for (var i = 0; i < results.Length; i++)
        {
            WriteItem(writer, operations[i], results[i].Outcome);
            if (writer.BytesPending > FlushBytes)
            {
                writer.Flush();
                await response.BodyWriter.FlushAsync(context.RequestAborted);
            }
        }
        writer.WriteEndArray();
        writer.WriteEndObject();
        await writer.FlushAsync(context.RequestAborted);
    }

    private static void WriteItem(Utf8JsonWriter writer, Operation operation, OperationOutcome outcome)
    {
        writer.WriteStartObject();
        var problem = OutcomeProblems.Of(outcome, IsRepeatable(operation));
        writer.WriteNumber("status"u8, problem?.Kind.Status ?? StatusOf(operation, outcome));
        if (problem is not null)
        {
            writer.WriteString("code"u8, problem.Kind.Code);
            writer.WriteString("detail"u8, problem.Detail);
            writer.WriteBoolean("retryable"u8, problem.Retryable);
            writer.WriteBoolean("inDoubt"u8, problem.InDoubt);
            if (!problem.Version.IsNone)
            {
                writer.WriteString("version"u8, problem.Version.ToString());
            }
        }
        else if (operation.Kind == OperationKind.Increment)
        {
            EntryJson.WriteIncremented(writer, outcome);
        }
        else if (operation.IsPut)
        {
            EntryJson.WriteWritten(writer, outcome);
        }
        else if (!operation.IsWrite)
        {
            EntryJson.WriteEntry(writer, outcome, withValue: operation.Kind == OperationKind.Get);
        }
        writer.WriteEndObject();
    }

    private static int StatusOf(Operation operation, OperationOutcome outcome) =>
        !operation.IsWrite || operation.Kind == OperationKind.Increment ? StatusCodes.Status200OK
        : operation.IsPut && outcome.Changed ? StatusCodes.Status201Created
        : StatusCodes.Status204NoContent;

    /// <summary>The problem of the first item that the caller may not do; then none of them is done.</summary>
    private static Problem? RefuseItem(in Call call, BatchRequest batch)
    {
        for (var at = 0; at < batch.Operations.Length; at++)
        {
            var operation = batch.Operations[at];
            var right = operation.IsWrite ? KeyRights.Write : KeyRights.Read;
            var refused = call.Caller.RefuseAt(right, call.Keyspace, operation.Key.Span);
            if (operation.Kind == OperationKind.Increment)
            {
                // It tells what the entry is.
                refused ??= call.Caller.RefuseAt(KeyRights.Read, call.Keyspace, operation.Key.Span);
            }
            if (refused is { } refusal)
            {
                return refusal with { Item = at };
            }
        }
        return null;
    }

    private static Problem? RefuseHeaders(IHeaderDictionary headers, string? requestId) =>
        requestId?.Length > RequestIdCharsMax
            ? new(
                ProblemKinds.InvalidHeader,
                $"The {Headers.IdempotencyKey} of a batch must be at most {RequestIdCharsMax} characters."
            )
        : Conditions.AreIn(headers)
            ? new(
                ProblemKinds.InvalidHeader,
                "A batch takes no condition of its own: give its items ifVersion or ifAbsent."
            )
        : null;
}
