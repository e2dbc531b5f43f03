using System.Security.Cryptography;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Exapyte.Testing.Security;

/// <summary>An issuer of tokens on a loopback port: its configuration, its public key, and tokens as a test wants them.</summary>
public sealed class TestIssuer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly RSA rsa = RSA.Create(2_048);

    private TestIssuer(WebApplication app)
    {
        this.app = app;
        Key = new RsaSecurityKey(rsa) { KeyId = "k1" };
    }

    /// <summary>The audience of its tokens.</summary>
    public static string Audience => "exapyte-tests";

    /// <summary>Where it is.</summary>
    public Uri Authority { get; private set; } = null!;

    /// <summary>What it signs with.</summary>
    public SecurityKey Key { get; }

    /// <summary>Its public key, as everybody can fetch it.</summary>
    public byte[] PublicKey => rsa.ExportSubjectPublicKeyInfo();

    /// <summary>Starts one.</summary>
    public static async Task<TestIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var issuer = new TestIssuer(builder.Build());
        issuer.app.Run(issuer.Answer);
        await issuer.app.StartAsync();
        issuer.Authority = new(issuer.app.Urls.Single());
        return issuer;
    }

    /// <summary>A token for a subject with grants.</summary>
    /// <param name="subject">Who shows it; null: nobody.</param>
    /// <param name="grants">The claim <c>exapyte</c>, as JSON; null: none.</param>
    /// <param name="now">When it is issued; it is good for a minute.</param>
    /// <param name="change">Makes it another token.</param>
    public string Token(
        string? subject,
        string? grants,
        DateTimeOffset now,
        Action<SecurityTokenDescriptor>? change = null
    )
    {
        var claims = new Dictionary<string, object>(StringComparer.Ordinal);
        if (subject is not null)
        {
            claims["sub"] = subject;
        }
        if (grants is not null)
        {
            using var document = System.Text.Json.JsonDocument.Parse(grants);
            claims["exapyte"] = document.RootElement.Clone();
        }
        var descriptor = new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = Audience,
            IssuedAt = now.UtcDateTime,
            NotBefore = now.UtcDateTime,
            Expires = now.UtcDateTime.AddMinutes(1),
            Claims = claims,
            SigningCredentials = new(Key, SecurityAlgorithms.RsaSha256),
        };
        change?.Invoke(descriptor);
        return new JsonWebTokenHandler { SetDefaultTimesOnTokenCreation = false }.CreateToken(descriptor);
    }

    /// <summary>It is down from now on.</summary>
    public Task StopAsync() => app.StopAsync();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        rsa.Dispose();
    }

    private string Issuer => Authority.AbsoluteUri;

    private Task Answer(HttpContext context)
    {
        var key = rsa.ExportParameters(false);
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(
            context.Request.Path == "/keys"
                ? $$"""{"keys":[{"kty":"RSA","use":"sig","alg":"RS256","kid":"k1","n":"{{Base64UrlEncoder.Encode(key.Modulus)}}","e":"{{Base64UrlEncoder.Encode(key.Exponent)}}"}]}"""
                : $$"""{"issuer":"{{Issuer}}","jwks_uri":"{{Authority.AbsoluteUri}}keys"}"""
        );
    }
}
