namespace Exapyte.Gateway;

/// <summary>
/// Whose tokens (JWT) are taken beside keys. A token must be signed by the issuer with an asymmetric key, name the audience, have
/// an end, and list its grants in a claim.
/// </summary>
public sealed class GatewayJwtOptions
{
    /// <summary>The claim where none is set.</summary>
    public const string ClaimDefault = "exapyte";

    /// <summary>The issuer's address, below which <c>.well-known/openid-configuration</c> is found; https, or http on loopback.</summary>
    public required Uri Authority { get; set; }

    /// <summary>The audience that a token must name.</summary>
    public required string Audience { get; set; }

    /// <summary>
    /// The claim that lists what is allowed: an array as <c>grants</c> of a key has it, of objects with <c>keyspace</c>,
    /// <c>prefix</c> or <c>prefix64</c>, and <c>allow</c>.
    /// </summary>
    public string Claim { get; set; } = ClaimDefault;

    /// <summary>Why the options are not acceptable; empty where they are.</summary>
    internal IEnumerable<string> Reasons()
    {
        if (!IsAuthority(Authority))
        {
            yield return $"{nameof(Authority)} must be an https:// address, or http:// on loopback.";
        }
        if (string.IsNullOrWhiteSpace(Audience))
        {
            yield return $"{nameof(Audience)} must be given: a token of the same issuer for another service is not for this one.";
        }
        if (string.IsNullOrWhiteSpace(Claim))
        {
            yield return $"{nameof(Claim)} must name a claim.";
        }
    }

    /// <summary>Whether an issuer may be at the address: https, or http on this machine.</summary>
    public static bool IsAuthority(Uri authority)
    {
        ArgumentNullException.ThrowIfNull(authority);
        return authority.IsAbsoluteUri && (authority.Scheme == Uri.UriSchemeHttps || IsPlainOnLoopback(authority));
    }

    /// <summary>Whether the issuer is asked in plain, on this machine.</summary>
    internal static bool IsPlainOnLoopback(Uri authority) =>
        authority.Scheme == Uri.UriSchemeHttp && authority.IsLoopback;
}
