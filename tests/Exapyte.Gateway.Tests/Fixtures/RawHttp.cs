using System.Globalization;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>An answer as it came over the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyList<KeyValuePair<string, string>> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    /// <summary>The problem's code; empty where the answer is no problem.</summary>
    public string Code =>
        Header("Content-Type") == "application/problem+json" ? Json.GetProperty("code").GetString()! : "";

    public string? Header(string name) =>
        Headers.SingleOrDefault(header => header.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
}

/// <summary>
/// HTTP/1.1 over a bare socket: what is written is what is sent. Client libraries normalise paths and keep to rules that
/// a gateway must not rely on.
/// </summary>
internal sealed class RawHttp : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(1);

    private readonly TcpClient socket;
    private readonly NetworkStream stream;
    private readonly MemoryStream pending = new();

    private RawHttp(TcpClient socket)
    {
        this.socket = socket;
        stream = socket.GetStream();
    }

    public static async Task<RawHttp> ConnectAsync(int port)
    {
        var connected = new TcpClient { NoDelay = true };
        await connected.ConnectAsync("127.0.0.1", port);
        return new(connected);
    }

    /// <summary>Sends a request with headers as given and reads the answer.</summary>
    public async Task<RawAnswer> SendAsync(string method, string target, byte[]? body = null, params string[] headers)
    {
        var head = new StringBuilder($"{method} {target} HTTP/1.1\r\nHost: localhost\r\n");
        foreach (var header in headers)
        {
            head.Append(header).Append("\r\n");
        }
        if (body is not null)
        {
            head.Append(CultureInfo.InvariantCulture, $"Content-Length: {body.Length}\r\n");
        }
        await WriteAsync(Encoding.Latin1.GetBytes(head.Append("\r\n").ToString()));
        if (body is not null)
        {
            await WriteAsync(body);
        }
        return await ReadAnswerAsync(hasBody: method != "HEAD");
    }

    public async Task WriteAsync(byte[] bytes)
    {
        using var deadline = new CancellationTokenSource(Deadline);
        await stream.WriteAsync(bytes, deadline.Token);
    }

    public Task WriteAsync(string text) => WriteAsync(Encoding.Latin1.GetBytes(text));

    /// <summary>Reads lines until one begins so.</summary>
    public async Task ReadUntilAsync(string start)
    {
        while (!(await ReadLineAsync()).StartsWith(start, StringComparison.Ordinal)) { }
    }

    public async Task<RawAnswer> ReadAnswerAsync(bool hasBody = true)
    {
        var statusLine = await ReadLineAsync();
        var status = int.Parse(statusLine.Split(' ')[1], CultureInfo.InvariantCulture);
        List<KeyValuePair<string, string>> headers = [];
        while (await ReadLineAsync() is { Length: > 0 } line)
        {
            var colon = line.IndexOf(':');
            headers.Add(new(line[..colon], line[(colon + 1)..].Trim()));
        }
        var answer = new RawAnswer(status, headers, []);
        if (!hasBody || status is < 200 or 204 or 304)
        {
            return answer;
        }
        var body =
            answer.Header("Transfer-Encoding") == "chunked"
                ? await ReadChunksAsync()
                : await ReadBytesAsync(int.Parse(answer.Header("Content-Length") ?? "0", CultureInfo.InvariantCulture));
        return answer with { Body = body };
    }

    /// <summary>Whether the server has closed the connection with nothing more to read.</summary>
    public async Task<bool> IsClosedAsync()
    {
        try
        {
            return pending.Position == pending.Length && !await FillAsync();
        }
        catch (IOException)
        {
            return true;
        }
    }

    public void Dispose()
    {
        socket.Dispose();
        pending.Dispose();
    }

    private async Task<byte[]> ReadChunksAsync()
    {
        using var body = new MemoryStream();
        while (true)
        {
            var size = int.Parse(await ReadLineAsync(), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
            body.Write(await ReadBytesAsync(size));
            await ReadLineAsync();
            if (size == 0)
            {
                return body.ToArray();
            }
        }
    }

    private async Task<byte[]> ReadBytesAsync(int count)
    {
        var bytes = new byte[count];
        for (var filled = 0; filled < count; )
        {
            var read = pending.Read(bytes.AsSpan(filled));
            filled += read;
            if (read == 0 && !await FillAsync())
            {
                throw new EndOfStreamException($"The answer ended {count - filled} bytes early.");
            }
        }
        return bytes;
    }

    private async Task<string> ReadLineAsync()
    {
        var line = new StringBuilder();
        while (true)
        {
            var value = pending.ReadByte();
            if (value < 0)
            {
                if (!await FillAsync())
                {
                    throw new EndOfStreamException("The connection ended inside a line.");
                }
                continue;
            }
            if (value == '\n')
            {
                return line.ToString().TrimEnd('\r');
            }
            line.Append((char)value);
        }
    }

    private async Task<bool> FillAsync()
    {
        using var deadline = new CancellationTokenSource(Deadline);
        var buffer = new byte[64 << 10];
        var read = await stream.ReadAsync(buffer, deadline.Token);
        pending.SetLength(0);
        pending.Write(buffer, 0, read);
        pending.Position = 0;
        return read > 0;
    }
}
