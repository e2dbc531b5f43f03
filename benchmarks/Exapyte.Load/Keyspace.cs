using System.Net;
using System.Net.Http.Json;

namespace Exapyte.Load;

/// <summary>Makes sure that there is a keyspace to load.</summary>
static class Keyspace
{
    /// <summary>Creates it with the run's settings where it is missing, and leaves it as it is where it is not.</summary>
    /// <exception cref="InvalidOperationException">The service refused; the message says why.</exception>
    /// <exception cref="HttpRequestException">The service does not answer.</exception>
    public static async Task EnsureAsync(LoadOptions options)
    {
        if (options.Insists)
            return;
        using var handler = new SocketsHttpHandler();
        if (Tls.Of(options) is { } tls)
            handler.SslOptions = tls;
        using var http = new HttpClient(handler) { BaseAddress = options.Url };
        if (options.ApiKey.Length > 0)
            http.DefaultRequestHeaders.Authorization = new("Bearer", options.ApiKey);
        var path = new Uri($"/v1/keyspaces/{Uri.EscapeDataString(options.Keyspace)}", UriKind.Relative);
        using var existing = await http.GetAsync(path);
        if (existing.IsSuccessStatusCode)
            return;
        if (existing.StatusCode != HttpStatusCode.NotFound)
            throw new InvalidOperationException($"GET {path}: {(int)existing.StatusCode}.");
        using var created = await http.PutAsJsonAsync(path, options.Settings, LoadJson.Default.KeyspaceSettings);
        if (!created.IsSuccessStatusCode)
        {
            var reason = await created.Content.ReadAsStringAsync();
            throw new InvalidOperationException($"PUT {path}: {(int)created.StatusCode} {reason}");
        }
    }
}
