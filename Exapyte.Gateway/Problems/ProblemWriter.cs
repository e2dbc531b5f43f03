using System.Diagnostics;
using System.Text.Json;
using Exapyte.Gateway.Control;
using Exapyte.Gateway.Http;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Problems;

/// <summary>A problem as it is written: RFC 9457 with the members of this service.</summary>
internal sealed record ProblemDocument(
    string Type,
    string Title,
    int Status,
    string Detail,
    string Code,
    bool Retryable,
    bool InDoubt,
    string TraceId,
    string? Version,
    IReadOnlyList<string>? Reasons,
    int? Item,
    long? Line,
    ImportDocument? Import,
    string? Expression,
    int? Position,
    int? Length
);

/// <summary>Writes problems as answers. Thread-safe.</summary>
internal sealed class ProblemWriter(int retryAfterSeconds)
{
    private static readonly StringValues ContentType = new("application/problem+json");

    private readonly StringValues retryAfter = new(retryAfterSeconds.ToString());

    /// <summary>What the answer and the log name a request by: the trace it is part of, else the server's own id.</summary>
    public static string TraceIdOf(HttpContext context) => Activity.Current?.Id ?? context.TraceIdentifier;

    /// <summary>The document of a problem.</summary>
    public static ProblemDocument DocumentOf(HttpContext context, Problem problem) =>
        new(
            problem.Kind.Type,
            problem.Kind.Title,
            problem.Kind.Status,
            problem.Detail,
            problem.Kind.Code,
            problem.Retryable,
            problem.InDoubt,
            TraceIdOf(context),
            problem.Version.IsNone ? null : problem.Version.ToString(),
            problem.Reasons,
            problem.Item,
            problem.Line,
            problem.Import,
            problem.Expression?.Member,
            problem.Expression?.Span.Position,
            problem.Expression?.Span.Length
        );

    /// <summary>Answers with the problem. The response must not have started.</summary>
    public Task WriteAsync(HttpContext context, Problem problem)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(
            DocumentOf(context, problem),
            GatewayJson.Relaxed.ProblemDocument
        );
        var response = context.Response;
        response.StatusCode = problem.Kind.Status;
        response.Headers.ContentType = ContentType;
        response.Headers.CacheControl = Headers.NoStore;
        response.ContentLength = body.Length;
        if (problem.Kind.Status == StatusCodes.Status429TooManyRequests)
        {
            response.Headers.RetryAfter = retryAfter;
        }
        if (problem.Allow is not null)
        {
            response.Headers.Allow = problem.Allow;
        }
        if (problem.Kind.Status == StatusCodes.Status412PreconditionFailed && !problem.Version.IsNone)
        {
            // A HEAD answer has no body to hold the version.
            response.Headers.ETag = EntityTags.Of(problem.Version);
        }
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.BodyWriter.WriteAsync(body, CancellationToken.None).AsTask();
    }
}
