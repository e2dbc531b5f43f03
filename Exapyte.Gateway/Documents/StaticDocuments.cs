using Exapyte.Gateway.Http;
using Microsoft.Extensions.Primitives;

namespace Exapyte.Gateway.Documents;

/// <summary>A document that is part of the assembly, read once.</summary>
internal sealed class StaticDocument(string resource, string contentType)
{
    // The pages bring their own style and nothing else; they load and run nothing.
    private static readonly StringValues SecurityPolicy = new("default-src 'none'; style-src 'unsafe-inline'");

    private readonly byte[] content = Load(resource);
    private readonly StringValues type = new(contentType);

    /// <summary>The OpenAPI document.</summary>
    public static StaticDocument OpenApi { get; } = new("openapi.json", "application/json");

    /// <summary>The page for people.</summary>
    public static StaticDocument Docs { get; } = new("docs.html", "text/html; charset=utf-8");

    /// <summary>The document's bytes.</summary>
    public ReadOnlySpan<byte> Content => content;

    /// <summary>Answers with the document.</summary>
    public Task WriteAsync(HttpContext context)
    {
        var response = context.Response;
        response.StatusCode = StatusCodes.Status200OK;
        response.Headers.ContentType = type;
        response.Headers.XContentTypeOptions = Headers.NoSniff;
        response.Headers.ContentSecurityPolicy = SecurityPolicy;
        response.ContentLength = content.Length;
        return HttpMethods.IsHead(context.Request.Method)
            ? Task.CompletedTask
            : response.BodyWriter.WriteAsync(content, CancellationToken.None).AsTask();
    }

    private static byte[] Load(string resource)
    {
        using var stream =
            typeof(StaticDocument).Assembly.GetManifestResourceStream("Exapyte.Gateway." + resource)
            ?? throw new InvalidOperationException($"The assembly lacks its resource {resource}.");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
