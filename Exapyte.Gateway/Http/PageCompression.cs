using System.IO.Compression;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Http;

/// <summary>Compresses pages for callers that take that (<c>Accept-Encoding</c>): Brotli before gzip, where they like both alike.</summary>
internal static class PageCompression
{
    /// <summary>Fewest bytes of keys and values for which it is worth its while.</summary>
    public const int BytesMin = 1_024;

    private const string Brotli = "br";
    private const string Gzip = "gzip";
    private const double Liked = 1;

    /// <summary>
    /// Runs what writes a page, compressed where the caller takes it. Call it before the answer has started.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="bytes">About how large the page is.</param>
    /// <param name="write">Starts the answer and writes all of the page.</param>
    public static async Task RunAsync(HttpContext context, long bytes, Func<Task> write)
    {
        context.Response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
        if (bytes < BytesMin || Choose(context.Request) is not { } coding)
        {
            await write();
            return;
        }
        var plain = context.Features.GetRequiredFeature<IHttpResponseBodyFeature>();
        context.Response.Headers.ContentEncoding = coding;
        var compressed =
            coding == Brotli
                ? (Stream)new BrotliStream(plain.Stream, CompressionLevel.Fastest, leaveOpen: true)
                : new GZipStream(plain.Stream, CompressionLevel.Fastest, leaveOpen: true);
        var body = new StreamResponseBodyFeature(compressed, plain);
        context.Features.Set<IHttpResponseBodyFeature>(body);
        try
        {
            await write();
            await body.CompleteAsync();
            // Not where writing failed: a page that is cut short must not end like a whole one.
            await compressed.DisposeAsync();
        }
        finally
        {
            context.Features.Set(plain);
            body.Dispose();
        }
    }

    /// <summary>The coding that the caller likes best; null: as it is.</summary>
    private static string? Choose(HttpRequest request)
    {
        double brotli = 0,
            gzip = 0,
            plain = 0;
        foreach (var accepted in request.GetTypedHeaders().AcceptEncoding)
        {
            var liked = accepted.Quality ?? Liked;
            switch (accepted.Value.Value)
            {
                case Brotli:
                    brotli = liked;
                    break;
                case Gzip:
                    gzip = liked;
                    break;
                case "identity":
                    plain = liked;
                    break;
                default:
                    // Others are not spoken; "*" says nothing of what is liked.
                    break;
            }
        }
        return brotli > 0 && brotli >= gzip && brotli >= plain ? Brotli
            : gzip > 0 && gzip >= plain ? Gzip
            : null;
    }
}
