using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Exapyte.Gateway.Http;

/// <summary>Answers with a whole JSON document.</summary>
internal static class JsonAnswer
{
    /// <summary>Answers; HEAD gets the headers alone.</summary>
    public static Task WriteAsync<T>(HttpContext context, int status, T document, JsonTypeInfo<T> type)
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(document, type);
        var response = context.Response;
        response.StatusCode = status;
        response.Headers.ContentType = Headers.Json;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        response.Headers.CacheControl = Headers.NoStore;
        response.ContentLength = body.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.BodyWriter.WriteAsync(body, CancellationToken.None).AsTask();
    }
}
