using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>Reads a value from a stream into one array of its size, where the stream tells that.</summary>
internal static class StreamedValue
{
    /// <exception cref="InvalidRequestException">It is larger than a value may be.</exception>
    public static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        if (stream.CanSeek)
        {
            var left = stream.Length - stream.Position;
            Demand(left);
            var exact = new byte[left];
            await stream.ReadExactlyAsync(exact, cancellationToken).ConfigureAwait(false);
            return exact;
        }
        var grown = new MemoryStream();
        var part = new byte[16 * 1024];
        int count;
        while ((count = await stream.ReadAsync(part, cancellationToken).ConfigureAwait(false)) > 0)
        {
            Demand(grown.Length + count);
            grown.Write(part, 0, count);
        }
        return grown.GetBuffer().AsMemory(0, (int)grown.Length);
    }

    private static void Demand(long bytes)
    {
        if (bytes > Limits.ValueBytesMax)
        {
            throw new InvalidRequestException($"The value must be at most {Limits.ValueBytesMax} bytes.");
        }
    }
}
