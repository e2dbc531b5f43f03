using System.Buffers;
using System.IO.Pipelines;

namespace Exapyte.Gateway.Http;

/// <summary>Reads a whole request body into one array of exactly its size, and never more than a limit.</summary>
internal static class BodyReader
{
    private const int GrowthBytesMin = 4_096;

    /// <summary>The body; null where it is larger than <paramref name="bytesMax"/>, of which no more is read.</summary>
    public static ValueTask<byte[]?> ReadAsync(HttpContext context, int bytesMax)
    {
        var length = context.Request.ContentLength;
        return length switch
        {
            0 => new([]),
            null => ReadUnknownAsync(context, bytesMax),
            _ when length > bytesMax => new((byte[]?)null),
            _ => ReadKnownAsync(context, (int)length),
        };
    }

    private static async ValueTask<byte[]?> ReadKnownAsync(HttpContext context, int length)
    {
        var body = GC.AllocateUninitializedArray<byte>(length);
        var reader = context.Request.BodyReader;
        var filled = 0;
        while (filled < length)
        {
            var read = await ReadMoreAsync(context, reader);
            read.Buffer.CopyTo(body.AsSpan(filled));
            filled += (int)read.Buffer.Length;
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted && filled < length)
            {
                throw new BadHttpRequestException("The body ended before its Content-Length.");
            }
        }
        return body;
    }

    private static async ValueTask<byte[]?> ReadUnknownAsync(HttpContext context, int bytesMax)
    {
        var reader = context.Request.BodyReader;
        var gathered = new ArrayBufferWriter<byte>(Math.Min(GrowthBytesMin, bytesMax));
        while (true)
        {
            var read = await ReadMoreAsync(context, reader);
            if (gathered.WrittenCount + read.Buffer.Length > bytesMax)
            {
                reader.AdvanceTo(read.Buffer.Start);
                return null;
            }
            foreach (var segment in read.Buffer)
            {
                gathered.Write(segment.Span);
            }
            reader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                return gathered.WrittenSpan.ToArray();
            }
        }
    }

    private static async ValueTask<ReadResult> ReadMoreAsync(HttpContext context, PipeReader reader)
    {
        try
        {
            // What is there already is taken without the cost of a token; that, too, may find that the caller is gone.
            return reader.TryRead(out var read) ? read : await reader.ReadAsync(context.RequestAborted);
        }
        catch (Exception exception) when (CallerGoneException.IsToldBy(exception))
        {
            throw new CallerGoneException(exception);
        }
    }
}
