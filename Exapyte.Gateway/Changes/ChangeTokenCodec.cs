using System.Diagnostics.CodeAnalysis;
using Exapyte.Client;
using Exapyte.Gateway.Listing;

namespace Exapyte.Gateway.Changes;

/// <summary>Writes places among changes as text and reads back only those that its cluster signed. Thread-safe.</summary>
/// <remarks>Layout: format (1), then the token; signed, as base64url.</remarks>
internal sealed class ChangeTokenCodec(TokenSigner signer)
{
    private const byte Format = 3;

    /// <summary>The token's text.</summary>
    public string Write(string scope, ChangeToken token) => signer.Write(scope, [Format, .. token.Encode()]);

    /// <summary>Reads a token; false where this key did not sign it for this scope.</summary>
    public bool TryRead(string scope, ReadOnlySpan<char> text, [NotNullWhen(true)] out ChangeToken? token)
    {
        token = null;
        // What is signed was written here; only the format may be that of another kind of token.
        return signer.TryRead(scope, text, out var content)
            && content.Length > 0
            && content.Span[0] == Format
            && ChangeToken.TryDecode(content.Span[1..], out token);
    }
}
