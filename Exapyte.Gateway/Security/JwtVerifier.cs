using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Exapyte.Gateway.Problems;
using Exapyte.Security;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Exapyte.Gateway.Security;

/// <summary>
/// Tells who shows a token of an issuer, and what it grants. The issuer's keys are fetched when the first token comes and kept
/// in memory: tokens go on being checked while the issuer is down. Thread-safe.
/// </summary>
internal sealed partial class JwtVerifier
{
    /// <summary>What the id of a caller by token begins with; no key's id does.</summary>
    public const string IdPrefix = "jwt:";

    private const int TokenCharsMax = 16 << 10;
    private const int SubjectCharsMax = 128;
    private static readonly TimeSpan IssuerPatience = TimeSpan.FromSeconds(5);

    // A symmetric signature could be made by whoever knows the issuer's public key, where that is taken for the secret.
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256,
        SecurityAlgorithms.RsaSha384,
        SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256,
        SecurityAlgorithms.RsaSsaPssSha384,
        SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256,
        SecurityAlgorithms.EcdsaSha384,
        SecurityAlgorithms.EcdsaSha512,
    ];

    private readonly JsonWebTokenHandler handler = new() { MapInboundClaims = false };
    private readonly JwtBearerOptions bearer;
    private readonly string claim;
    private readonly TimeProvider time;
    private readonly ILogger logger;

    /// <summary>Creates a verifier; the issuer is not asked yet.</summary>
    public JwtVerifier(GatewayJwtOptions options, TimeProvider time, ILogger logger)
    {
        (claim, this.time, this.logger) = (options.Claim, time, logger);
        bearer = new()
        {
            Authority = options.Authority.AbsoluteUri.TrimEnd('/'),
            Audience = options.Audience,
            RequireHttpsMetadata = !GatewayJwtOptions.IsPlainOnLoopback(options.Authority),
            BackchannelTimeout = IssuerPatience,
            TokenValidationParameters =
            {
                ValidAlgorithms = Algorithms,
                RequireSignedTokens = true,
                RequireExpirationTime = true,
                LifetimeValidator = IsInForce,
            },
        };
        new JwtBearerPostConfigureOptions().PostConfigure(JwtBearerDefaults.AuthenticationScheme, bearer);
        bearer.TokenValidationParameters.ConfigurationManager =
            bearer.ConfigurationManager as BaseConfigurationManager
            ?? throw new InvalidOperationException("The issuer's configuration cannot be kept up to date.");
    }

    /// <summary>Whether a credential is a token rather than a key: a key has one dot, a token two.</summary>
    public static bool IsToken(ReadOnlySpan<char> credential) => credential.Count('.') == 2;

    /// <summary>Who shows the token, or why nobody.</summary>
    public async Task<Admission> VerifyAsync(string token, CancellationToken aborted)
    {
        if (token.Length > TokenCharsMax)
        {
            return Refused("The token is too long.");
        }
        try
        {
            // Tells an issuer that cannot be asked from a token that is wrong.
            await bearer.ConfigurationManager!.GetConfigurationAsync(aborted).WaitAsync(IssuerPatience, time, aborted);
        }
        catch (Exception exception) when (!aborted.IsCancellationRequested)
        {
            LogIssuerUnreachable(logger, exception, bearer.Authority!);
            return new(
                Caller.Nobody,
                new(
                    ProblemKinds.Unavailable,
                    "The issuer of tokens is out of reach and its keys are not known yet. Try again."
                )
            );
        }
        var verified = await handler.ValidateTokenAsync(token, bearer.TokenValidationParameters);
        return verified.IsValid && verified.SecurityToken is JsonWebToken known
            ? Admit(known)
            : Refused("The token is not one of the issuer's for this service, or it is not in force.");
    }

    private Admission Admit(JsonWebToken token)
    {
        if (string.IsNullOrEmpty(token.Subject))
        {
            return Refused("The token names nobody (sub).");
        }
        using var payload = JsonDocument.Parse(Base64UrlEncoder.DecodeBytes(token.EncodedPayload));
        if (!payload.RootElement.TryGetProperty(claim, out var listed))
        {
            return Refused($"The token lists no grants in its claim '{claim}'.");
        }
        List<string> reasons = [];
        var grants = GrantsIn(listed, reasons);
        return reasons.Count > 0 ? Refused(string.Join(' ', reasons)) : new(new(IdOf(token), grants), null);
    }

    private KeyGrant[] GrantsIn(JsonElement listed, List<string> reasons)
    {
        try
        {
            var grants = new GrantReader(reasons).Read(listed, claim);
            if (reasons.Count == 0)
            {
                reasons.AddRange(KeyRules.ReasonsAgainst(grants));
            }
            return grants;
        }
        catch (InvalidOperationException)
        {
            reasons.Add($"The claim '{claim}' holds text that is none: half a character.");
            return [];
        }
    }

    /// <summary>What cannot stand in a line of the audit as it is stands for itself by its hash.</summary>
    private static string IdOf(JsonWebToken token)
    {
        var subject = token.Subject;
        return subject.Length <= SubjectCharsMax && !subject.AsSpan().ContainsAnyExcept(SubjectChars)
            ? IdPrefix + subject
            : IdPrefix + '#' + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(subject)));
    }

    private bool IsInForce(DateTime? from, DateTime? until, SecurityToken token, TokenValidationParameters parameters)
    {
        var now = time.GetUtcNow().UtcDateTime;
        return until > now && (from is null || from <= now);
    }

    private static Admission Refused(string detail) => new(Caller.Nobody, new(ProblemKinds.Unauthorized, detail));

    private static readonly System.Buffers.SearchValues<char> SubjectChars = System.Buffers.SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.@:|+=/"
    );

    [LoggerMessage(Level = LogLevel.Warning, Message = "The issuer of tokens {Authority} is out of reach.")]
    private static partial void LogIssuerUnreachable(ILogger logger, Exception exception, string authority);
}
