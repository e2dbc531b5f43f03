using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace Exapyte.Load;

/// <summary>An answer without its contents.</summary>
/// <param name="Status">The HTTP status; 0 where there was no answer.</param>
/// <param name="BodyBytes">What the body took on the wire.</param>
/// <param name="RetryAfterSeconds">How long the caller is asked to wait; 0 where it is not.</param>
readonly record struct Answer(int Status, long BodyBytes, int RetryAfterSeconds);

/// <summary>
/// One HTTP/1.1 connection with one request on its way at a time, on a bare socket: the generator shares its machine's
/// cores with what it measures, and <c>HttpClient</c> costs several times as much a request as this does. It reads
/// only what a load needs: the status and where the answer ends.
/// </summary>
sealed class HttpConnection(IPEndPoint address, SslClientAuthenticationOptions? tls = null) : IDisposable
{
    const int BufferBytes = 64 * 1024;

    readonly byte[] _buffer = GC.AllocateUninitializedArray<byte>(BufferBytes, pinned: true);
    Socket? _socket;
    SslStream? _secured;
    long _busySince;

    /// <summary>Sends the request and reads the whole answer; connects first where there is no connection.</summary>
    /// <returns>The status and what else a load needs to know.</returns>
    /// <exception cref="SocketException">The connection failed or was given up; the next call makes a new one.</exception>
    /// <exception cref="InvalidDataException">The answer is no HTTP answer this reader knows.</exception>
    public async ValueTask<Answer> RoundTripAsync(ReadOnlyMemory<byte> request)
    {
        Volatile.Write(ref _busySince, Stopwatch.GetTimestamp());
        try
        {
            var socket = _socket ?? await ConnectAsync();
            if (_secured is { } secured)
                await secured.WriteAsync(request);
            else
                await socket.SendAsync(request, SocketFlags.None);
            return await ReadAnswerAsync(socket);
        }
        catch
        {
            Interlocked.Exchange(ref _socket, null)?.Dispose();
            throw;
        }
        finally
        {
            Volatile.Write(ref _busySince, 0);
        }
    }

    /// <summary>Cuts the connection where its request has waited longer than this; safe to call from any thread.</summary>
    public void GiveUpAfter(TimeSpan patience)
    {
        var since = Volatile.Read(ref _busySince);
        if (since != 0 && Stopwatch.GetElapsedTime(since) > patience)
            Volatile.Read(ref _socket)?.Dispose();
    }

    public void Dispose() => Interlocked.Exchange(ref _socket, null)?.Dispose();

    // The socket is in its place before it connects, so that a connection that never comes about can be given up too.
    async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        Volatile.Write(ref _socket, socket);
        _secured = null;
        await socket.ConnectAsync(address);
        if (tls is not null)
        {
            var secured = new SslStream(new NetworkStream(socket, ownsSocket: false));
            await secured.AuthenticateAsClientAsync(tls);
            _secured = secured;
        }
        return socket;
    }

    async ValueTask<Answer> ReadAnswerAsync(Socket socket)
    {
        var filled = 0;
        AnswerHead head;
        while (!AnswerHead.TryParse(_buffer.AsSpan(0, filled), out head))
            filled += await ReceiveAsync(socket, _buffer.AsMemory(filled));
        if (head.BodyBytes is { } bodyBytes)
        {
            // The body is counted, not kept: it may be larger than the buffer.
            for (var missing = head.Bytes + bodyBytes - filled; missing > 0; )
                missing -= await ReceiveAsync(socket, _buffer.AsMemory(0, (int)Math.Min(missing, BufferBytes)));
            return new Answer(head.Status, bodyBytes, head.RetryAfterSeconds);
        }
        var chunks = new ChunkedBody();
        var received = (long)(filled - head.Bytes);
        for (var from = head.Bytes; !chunks.Consume(_buffer.AsSpan(from, filled - from)); from = 0)
        {
            filled = await ReceiveAsync(socket, _buffer);
            received += filled;
        }
        return new Answer(head.Status, received, head.RetryAfterSeconds);
    }

    async ValueTask<int> ReceiveAsync(Socket socket, Memory<byte> into)
    {
        if (into.IsEmpty)
            throw new InvalidDataException("An answer's head is larger than the buffer.");
        var received = _secured is { } secured
            ? await secured.ReadAsync(into)
            : await socket.ReceiveAsync(into, SocketFlags.None);
        return received > 0 ? received : throw new SocketException((int)SocketError.ConnectionReset);
    }
}
