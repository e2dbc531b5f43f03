using System.Buffers.Text;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;

namespace Exapyte.Cluster.Tests.LargeStores;

/// <summary>Puts all entries of a set through <c>POST /batch</c>, a thousand a request, several requests at a time.</summary>
sealed class BatchLoader(Uri url, string keyspace, EntrySet entries) : IDisposable
{
    const int BatchEntries = 1_000;
    const int Writers = 4;
    const int BodyBytesMax = 512 * 1024;

    static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);
    static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    readonly HttpClient _http = new() { BaseAddress = url, Timeout = s_patience };
    long _taken;
    long _refusals;

    /// <summary>Requests that were answered with "not now" and sent again.</summary>
    public long Refusals => Interlocked.Read(ref _refusals);

    /// <summary>Returns how long it took until every entry was acknowledged in this version.</summary>
    public async Task<TimeSpan> LoadAsync(int version)
    {
        var started = Stopwatch.GetTimestamp();
        _taken = 0;
        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(() => WriteAsync(version))));
        return Stopwatch.GetElapsedTime(started);
    }

    public void Dispose() => _http.Dispose();

    async Task WriteAsync(int version)
    {
        var body = new byte[BodyBytesMax];
        while (Interlocked.Add(ref _taken, BatchEntries) - BatchEntries is var first && first < entries.Count)
        {
            var count = (int)Math.Min(BatchEntries, entries.Count - first);
            var length = WriteBody(body, first, count, version);
            var since = Stopwatch.GetTimestamp();
            while (await SendAsync(body.AsMemory(0, length), count) is { } failure)
            {
                if (Stopwatch.GetElapsedTime(since) > s_patience)
                    throw new TimeoutException($"The batch at {first} is not taken: {failure}");
                Interlocked.Increment(ref _refusals);
                await Task.Delay(s_pause);
            }
        }
    }

    /// <summary>Null once each entry is acknowledged.</summary>
    async Task<string?> SendAsync(ReadOnlyMemory<byte> body, int count)
    {
        using var content = new ReadOnlyMemoryContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var response = await _http.PostAsync($"/v1/keyspaces/{keyspace}/batch", content);
        var answer = await response.Content.ReadAsByteArrayAsync();
        return response.StatusCode == HttpStatusCode.OK && answer.AsSpan().Count("\"status\":20"u8) == count
            ? null
            : $"{response.StatusCode} {System.Text.Encoding.UTF8.GetString(answer.AsSpan(0, Math.Min(500, answer.Length)))}";
    }

    static int WriteBody(Span<byte> body, long first, int count, int version)
    {
        Span<byte> value = stackalloc byte[EntrySet.ValueBytes];
        var at = 0;
        Add(body, ref at, "{\"items\":["u8);
        for (var position = first; position < first + count; position++)
        {
            Add(body, ref at, position == first ? "{\"op\":\"put\",\"key\":\""u8 : ",{\"op\":\"put\",\"key\":\""u8);
            EntrySet.WriteKey(position, body[at..]);
            at += EntrySet.KeyBytes;
            Add(body, ref at, "\",\"value64\":\""u8);
            EntrySet.WriteValue(position, version, value);
            at += Base64Url.EncodeToUtf8(value, body[at..]);
            Add(body, ref at, "\"}"u8);
        }
        Add(body, ref at, "]}"u8);
        return at;
    }

    static void Add(Span<byte> body, ref int at, ReadOnlySpan<byte> text)
    {
        text.CopyTo(body[at..]);
        at += text.Length;
    }
}
