using System.Buffers;
using System.Text;
using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Problems;
using Exapyte.Operations;

namespace Exapyte.Gateway.Changes;

/// <summary>
/// Writes changes into an answer: as server-sent events (the token is the id; a heartbeat is an id without data; a problem is an
/// event <c>problem</c>), or as one JSON object a line. Not thread-safe.
/// </summary>
internal sealed class ChangeStream(HttpContext context, Func<ChangeToken, string> sign, bool isLines) : IDisposable
{
    private const int FlushBytes = 16 << 10;

    private readonly IBufferWriter<byte> output = context.Response.BodyWriter;
    private readonly Utf8JsonWriter json = new(context.Response.BodyWriter, GatewayJson.WriterOptions);
    private long unflushed;

    /// <summary>Whether so much has gathered that it is to be sent.</summary>
    public bool IsFull => unflushed >= FlushBytes;

    /// <summary>Writes a change, or the token alone.</summary>
    public void Write(in ChangesPart part)
    {
        var token = part.Token is null ? null : sign(part.Token);
        if (part.Change is { } change)
        {
            WriteEvent(token, name: null, () => WriteChange(change));
        }
        else
        {
            WriteEvent(token, name: null, body: null);
        }
    }

    /// <summary>Writes why there is no more.</summary>
    public void Write(Problem problem, ChangeToken? token) =>
        WriteEvent(token is null ? null : sign(token), "problem", () => WriteProblem(problem));

    /// <summary>Sends what was written; false where the caller is gone.</summary>
    public async ValueTask<bool> FlushAsync(CancellationToken cancellationToken)
    {
        unflushed = 0;
        var flushed = await context.Response.BodyWriter.FlushAsync(cancellationToken);
        return !flushed.IsCompleted && !flushed.IsCanceled;
    }

    /// <inheritdoc/>
    public void Dispose() => json.Dispose();

    private void WriteEvent(string? token, string? name, Action? body)
    {
        if (isLines)
        {
            json.WriteStartObject();
            body?.Invoke();
            if (token is not null)
            {
                json.WriteString("token"u8, token);
            }
            EndObject();
            Write("\n");
            return;
        }
        if (token is not null)
        {
            Write($"id: {token}\n");
        }
        if (name is not null)
        {
            Write($"event: {name}\n");
        }
        if (body is not null)
        {
            Write("data: ");
            json.WriteStartObject();
            body();
            EndObject();
            Write("\n");
        }
        Write("\n");
    }

    private void EndObject()
    {
        json.WriteEndObject();
        json.Flush();
        unflushed += json.BytesCommitted;
        json.Reset();
    }

    private void WriteChange(ShardChange change)
    {
        EntryJson.WriteKey(json, change.Key.Span);
        json.WriteString(
            "kind"u8,
            change.Kind switch
            {
                ChangeKind.Put => "put"u8,
                ChangeKind.Delete => "delete"u8,
                ChangeKind.Expire => "expire"u8,
                _ => throw new InvalidOperationException($"A change of kind {change.Kind} has no name."),
            }
        );
        json.WriteString("version"u8, change.Version.ToString());
    }

    private void WriteProblem(Problem problem)
    {
        json.WritePropertyName("problem"u8);
        JsonSerializer.Serialize(json, ProblemWriter.DocumentOf(context, problem), GatewayJson.Relaxed.ProblemDocument);
    }

    private void Write(string text) => unflushed += Encoding.UTF8.GetBytes(text, output);
}
