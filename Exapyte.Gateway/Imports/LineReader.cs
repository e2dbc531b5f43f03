using System.Buffers;

namespace Exapyte.Gateway.Imports;

/// <summary>One line of a body.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Text">Its bytes without the line feed; valid until the next line is read.</param>
/// <param name="IsTooLong">It has more bytes than are taken, and is not read to its end.</param>
internal readonly record struct BodyLine(long Number, ReadOnlyMemory<byte> Text, bool IsTooLong);

/// <summary>
/// Takes a body apart into lines as it comes. Holds one line and what was read behind it; the body is read no further
/// than asked, so that a slow cluster slows the sender. A byte order mark and blank lines are passed over. Not thread-safe.
/// </summary>
internal sealed class LineReader(Stream body, int lineBytesMax) : IDisposable
{
    private const int FirstBytes = 64 << 10;

    private byte[] buffer = ArrayPool<byte>.Shared.Rent(Math.Min(FirstBytes, lineBytesMax + 1));
    private int start;
    private int end;
    private long number;
    private bool ended;

    private static ReadOnlySpan<byte> ByteOrderMark => [0xEF, 0xBB, 0xBF];

    /// <summary>The next line that is not blank; null at the end of the body.</summary>
    public async ValueTask<BodyLine?> ReadAsync(CancellationToken cancellationToken)
    {
        var searched = start;
        while (true)
        {
            var feed = buffer.AsSpan(searched, end - searched).IndexOf((byte)'\n');
            if (feed < 0 && !ended)
            {
                searched = end - start;
                if (searched > lineBytesMax)
                {
                    return new(number + 1, default, IsTooLong: true);
                }
                await FillAsync(cancellationToken);
                searched += start;
                continue;
            }
            var lineEnd = feed < 0 ? end : searched + feed;
            if (feed < 0 && lineEnd == start)
            {
                return null;
            }
            var line = Take(lineEnd, feed < 0 ? end : lineEnd + 1);
            if (line.Length > lineBytesMax)
            {
                return new(number, default, IsTooLong: true);
            }
            if (!line.Span.Trim(" \t\r"u8).IsEmpty)
            {
                return new(number, line, IsTooLong: false);
            }
            searched = start;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(buffer);
        buffer = [];
    }

    private ReadOnlyMemory<byte> Take(int lineEnd, int next)
    {
        var line = buffer.AsMemory(start, lineEnd - start);
        start = next;
        number++;
        return number == 1 && line.Span.StartsWith(ByteOrderMark) ? line[ByteOrderMark.Length..] : line;
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        if (start > 0)
        {
            buffer.AsSpan(start, end - start).CopyTo(buffer);
            (start, end) = (0, end - start);
        }
        if (end == buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
            buffer.AsSpan(0, end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = larger;
        }
        var read = await body.ReadAsync(buffer.AsMemory(end), cancellationToken);
        end += read;
        ended = read == 0;
    }
}
