using Microsoft.AspNetCore.Connections;

namespace Exapyte.Gateway.Http;

/// <summary>The caller went away before its body was whole.</summary>
internal sealed class CallerGoneException(Exception inner) : Exception("The caller went away.", inner)
{
    /// <summary>What Kestrel says of a body whose connection ended before it; it answers nothing on that connection any more.</summary>
    private const string EndOfBody = "Unexpected end of request content.";

    /// <summary>
    /// Whether what a read of the body threw says so. The body's end may be seen before the request counts as aborted, or
    /// after: neither order may matter. Only for reads of a body: connections between nodes break with the same types.
    /// </summary>
    public static bool IsToldBy(Exception exception) =>
        exception
            is ConnectionResetException
                or ConnectionAbortedException
                or BadHttpRequestException { StatusCode: StatusCodes.Status400BadRequest, Message: EndOfBody };
}

/// <summary>A body that is read as a stream: a caller that goes away is told from a failure of the cluster's.</summary>
internal sealed class CallersBody(Stream body) : Stream
{
    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => throw new NotSupportedException();

    /// <inheritdoc/>
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception exception) when (CallerGoneException.IsToldBy(exception))
        {
            throw new CallerGoneException(exception);
        }
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Flush() { }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException();

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
}
