using System.Text.Json;

namespace Exapyte.Gateway.Listing;

/// <summary>
/// Writes JSON objects as lines of an answer. Flushes whenever enough has gathered, so that a slow reader slows the
/// listing instead of filling memory. Not thread-safe.
/// </summary>
internal sealed class LineStream(HttpContext context) : IDisposable
{
    private const int FlushBytes = 64 << 10;

    private readonly Utf8JsonWriter writer = new(context.Response.BodyWriter, GatewayJson.WriterOptions);
    private long unflushed;

    /// <summary>Takes one object; <see cref="EndLineAsync"/> ends it.</summary>
    public Utf8JsonWriter Writer => writer;

    /// <summary>Ends the line. False: the reader is gone.</summary>
    public ValueTask<bool> EndLineAsync()
    {
        writer.Flush();
        unflushed += writer.BytesCommitted + 1;
        writer.Reset();
        var output = context.Response.BodyWriter;
        output.GetSpan(1)[0] = (byte)'\n';
        output.Advance(1);
        return unflushed < FlushBytes ? new(true) : FlushAsync();
    }

    /// <summary>Sends what has gathered. False: the reader is gone.</summary>
    public async ValueTask<bool> FlushAsync()
    {
        unflushed = 0;
        var flushed = await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
        return !flushed.IsCompleted && !flushed.IsCanceled;
    }

    /// <inheritdoc/>
    public void Dispose() => writer.Dispose();
}
