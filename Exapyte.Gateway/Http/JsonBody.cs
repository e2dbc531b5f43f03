using System.Text.Json;
using System.Text.Unicode;
using Exapyte.Gateway.Problems;
using Microsoft.Net.Http.Headers;

namespace Exapyte.Gateway.Http;

/// <summary>A JSON request body: its document, or why it is refused; neither where the body is empty.</summary>
internal readonly record struct JsonBody(JsonDocument? Document, Problem? Refusal)
{
    /// <summary>How deep JSON that is kept or read as a value may be, wherever it stands.</summary>
    public const int LevelsMax = 64;

    private const string HalfACharacter = "The body holds a \\u escape of half a character.";

    /// <summary>
    /// Reads the body. With POST another media type is refused even where JSON could be read: a page of another origin
    /// can post plain text or a form to a gateway on the reader's own machine, but not JSON. A PUT it cannot send without
    /// asking first, so there whatever is JSON will do, also with the type that curl gives to <c>-d</c>.
    /// </summary>
    /// <param name="context">The request.</param>
    /// <param name="bytesMax">Largest body, in bytes.</param>
    /// <param name="levelsAround">Levels of the document around the values in it that may have <see cref="LevelsMax"/>.</param>
    public static async ValueTask<JsonBody> ReadAsync(HttpContext context, int bytesMax, int levelsAround = 0)
    {
        var contentType = context.Request.ContentType;
        if (!string.IsNullOrEmpty(contentType) && !IsJson(contentType) && !HttpMethods.IsPut(context.Request.Method))
        {
            return new(
                null,
                new(ProblemKinds.UnsupportedMediaType, "The body must be JSON: send Content-Type: application/json.")
            );
        }
        if (context.Request.Headers.ContentEncoding.Count > 0)
        {
            return new(null, new(ProblemKinds.UnsupportedMediaType, "A JSON body must not have a Content-Encoding."));
        }
        var body = await BodyReader.ReadAsync(context, bytesMax);
        return body is null
                ? new(null, new(ProblemKinds.TooLarge, $"The body is larger than {bytesMax} bytes; nothing changed."))
            : body.Length == 0 ? default
            : Parse(body, LevelsMax + levelsAround);
    }

    private static JsonBody Parse(byte[] body, int levelsMax)
    {
        if (!Utf8.IsValid(body))
        {
            return Refuse("The body is not UTF-8.");
        }
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(
                body,
                new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = levelsMax }
            );
        }
        catch (JsonException exception)
        {
            return Refuse(
                $"The body is not JSON, is more than {levelsMax} levels deep, or names a member twice (line {exception.LineNumber + 1}, byte "
                    + $"{exception.BytePositionInLine})."
            );
        }
        catch (InvalidOperationException)
        {
            // A name that is no text cannot be compared with the others.
            return Refuse(HalfACharacter);
        }
        if (HoldsLoneSurrogate(body, levelsMax))
        {
            document.Dispose();
            return Refuse(HalfACharacter);
        }
        return new(document, null);
    }

    /// <summary>Escaped text of half a character is JSON but no Unicode text: reading it as a string would throw.</summary>
    private static bool HoldsLoneSurrogate(byte[] body, int levelsMax)
    {
        if (body.AsSpan().IndexOf("\\u"u8) < 0)
        {
            return false;
        }
        var reader = new Utf8JsonReader(body, new JsonReaderOptions { MaxDepth = levelsMax });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
                {
                    _ = reader.GetString();
                }
            }
            return false;
        }
        catch (InvalidOperationException)
        {
            return true;
        }
    }

    /// <summary>Whether the media type is JSON's.</summary>
    public static bool IsJson(string contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && (
            type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
            || type.Suffix.Equals("json", StringComparison.OrdinalIgnoreCase)
        );

    private static JsonBody Refuse(string detail) => new(null, new(ProblemKinds.InvalidBody, detail));
}
