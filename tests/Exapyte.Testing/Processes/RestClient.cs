using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Exapyte.Testing.Processes;

/// <summary>Settings of a keyspace as the REST interface takes them; what is null is left to the server.</summary>
public sealed record KeyspaceSettings(
    string Replication,
    int? Replicas = null,
    int? Shards = null,
    string? Storage = null,
    string? Distribution = null
);

/// <summary>
/// What a request came to. A request that got no answer has status 0 and a <see cref="Failure"/>: whether it happened
/// is not known.
/// </summary>
public sealed record RestAnswer(int Status, string? ETag, byte[] Body, string? Failure)
{
    /// <summary>The node whose replica served it, where the answer says so.</summary>
    public string? ServedBy { get; init; }

    /// <summary>No connection came about, so that the request certainly did not happen.</summary>
    public bool WasNotSent { get; init; }

    /// <summary>The client gave up: the service said nothing in all its time.</summary>
    public bool TimedOut { get; init; }

    /// <summary>The service says that it cannot do it now, or is not there to be asked; it does not leave the caller waiting.</summary>
    public bool IsRefusedForNow => Status is 503 or 504 || (Status == 0 && !TimedOut);

    public bool IsSuccess => Status is >= 200 and < 300;

    /// <summary>Refused for a reason of the request's own, so that it certainly did not happen.</summary>
    public bool IsRefused => Status is >= 400 and < 500;

    /// <summary>Refused, and no second try would make it a better request: unlike one that was too slow, or one too many.</summary>
    public bool IsRefusedForGood => IsRefused && Status is not (408 or 429);

    /// <summary>The service says what is there, rather than that it cannot say so now.</summary>
    public bool TellsWhatIsThere => Status is 200 or 404;

    public JsonElement Json => JsonSerializer.Deserialize<JsonElement>(Body);

    public string Text => System.Text.Encoding.UTF8.GetString(Body);

    public override string ToString() =>
        Failure ?? $"{Status} {(Body.Length < 2_000 ? Text : $"({Body.Length} bytes)")}";
}

/// <summary>A header that says more about a write.</summary>
public sealed record RestHeader(string Name, string Value)
{
    /// <summary>Only where there is nothing.</summary>
    public static RestHeader IfAbsent { get; } = new("If-None-Match", "*");

    /// <summary>Only where there is this version.</summary>
    public static RestHeader IfVersion(string eTag) => new("If-Match", eTag);

    /// <summary>Once, however often it is sent.</summary>
    public static RestHeader RequestId(string id) => new("Idempotency-Key", id);
}

/// <summary>The REST interface, spoken in plain HTTP so that nothing of the product stands between. Thread-safe.</summary>
public sealed class RestClient : IDisposable
{
    static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    };

    readonly HttpClient _http;

    /// <param name="url">The node's address.</param>
    /// <param name="timeout">How long a request may take; 5 seconds where not given.</param>
    public RestClient(Uri url, TimeSpan? timeout = null)
    {
        Url = url;
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), UseCookies = false };
        _http = new HttpClient(handler) { BaseAddress = url, Timeout = timeout ?? TimeSpan.FromSeconds(5) };
    }

    public Uri Url { get; }

    /// <summary>What the servers behind it printed, for the message of a failure; empty where nobody said how to tell.</summary>
    public Func<string> ServerOutput { get; init; } = static () => "";

    public Task<RestAnswer> ReadyAsync() => SendAsync(HttpMethod.Get, "/readyz");

    public Task<RestAnswer> PutKeyspaceAsync(string keyspace, KeyspaceSettings settings) =>
        SendAsync(HttpMethod.Put, KeyspacePath(keyspace), JsonContent.Create(settings, options: s_json));

    public Task<RestAnswer> GetKeyspaceAsync(string keyspace) => SendAsync(HttpMethod.Get, KeyspacePath(keyspace));

    public Task<RestAnswer> GetShardsAsync(string keyspace) =>
        SendAsync(HttpMethod.Get, $"{KeyspacePath(keyspace)}/shards");

    public Task<RestAnswer> DeleteKeyspaceAsync(string keyspace) =>
        SendAsync(HttpMethod.Delete, KeyspacePath(keyspace));

    public Task<RestAnswer> GetNodesAsync() => SendAsync(HttpMethod.Get, "/v1/nodes");

    public Task<RestAnswer> DrainNodeAsync(string nodeId) => SendAsync(HttpMethod.Post, $"/v1/nodes/{nodeId}/drain");

    public Task<RestAnswer> RemoveNodeAsync(string nodeId) => SendAsync(HttpMethod.Delete, $"/v1/nodes/{nodeId}");

    public Task<RestAnswer> PutAsync(
        string keyspace,
        string key,
        ReadOnlyMemory<byte> value,
        params IReadOnlyList<RestHeader> headers
    )
    {
        var content = new ReadOnlyMemoryContent(value);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/octet-stream");
        return SendAsync(HttpMethod.Put, EntryPath(keyspace, key), content, headers);
    }

    /// <param name="keyspace">Its name.</param>
    /// <param name="key">The key.</param>
    /// <param name="consistency">A level of the keyspace's kind; its default where not given.</param>
    public Task<RestAnswer> GetAsync(string keyspace, string key, string? consistency = null) =>
        SendAsync(
            HttpMethod.Get,
            EntryPath(keyspace, key) + (consistency is null ? "" : $"?consistency={consistency}")
        );

    public Task<RestAnswer> HeadAsync(string keyspace, string key) =>
        SendAsync(HttpMethod.Head, EntryPath(keyspace, key));

    /// <remarks>
    /// It has a body, if an empty one: a request without any is sent again by the HTTP client itself when a kept connection
    /// breaks, and a delete that is executed twice is not the one that a test has noted.
    /// </remarks>
    public Task<RestAnswer> DeleteAsync(string keyspace, string key, params IReadOnlyList<RestHeader> headers) =>
        SendAsync(HttpMethod.Delete, EntryPath(keyspace, key), new ByteArrayContent([]), headers);

    /// <param name="keyspace">Its name.</param>
    /// <param name="query">For example <c>prefix=a&amp;limit=10</c>.</param>
    public Task<RestAnswer> ListAsync(string keyspace, string query) =>
        SendAsync(HttpMethod.Get, $"{KeyspacePath(keyspace)}/entries?{query}");

    public Task<RestAnswer> BatchAsync(string keyspace, object batch) =>
        SendAsync(HttpMethod.Post, $"{KeyspacePath(keyspace)}/batch", JsonContent.Create(batch, options: s_json));

    public void Dispose() => _http.Dispose();

    async Task<RestAnswer> SendAsync(
        HttpMethod method,
        string path,
        HttpContent? content = null,
        IReadOnlyList<RestHeader>? headers = null
    )
    {
        try
        {
            using var request = new HttpRequestMessage(method, path) { Content = content };
            foreach (var header in headers ?? [])
                request.Headers.TryAddWithoutValidation(header.Name, header.Value);
            using var response = await _http.SendAsync(request);
            var body = await response.Content.ReadAsByteArrayAsync();
            return new RestAnswer((int)response.StatusCode, ETagOf(response), body, Failure: null)
            {
                ServedBy = ServingNodeOf(response),
            };
        }
        catch (Exception exception)
            when (exception is HttpRequestException or OperationCanceledException or IOException)
        {
            return new RestAnswer(0, ETag: null, [], $"{method} {path} at {Url}: {exception.Message}")
            {
                TimedOut = exception is OperationCanceledException,
                WasNotSent = exception is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError },
            };
        }
    }

    static string? ETagOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("ETag", out var values) ? values.First() : null;

    static string? ServingNodeOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues("Exapyte-Served", out var values)
            ? values.First().Split(';').FirstOrDefault(part => part.StartsWith("node=", StringComparison.Ordinal))?[5..]
            : null;

    static string KeyspacePath(string keyspace) => $"/v1/keyspaces/{Uri.EscapeDataString(keyspace)}";

    static string EntryPath(string keyspace, string key) =>
        $"{KeyspacePath(keyspace)}/entries/{Uri.EscapeDataString(key)}";
}
