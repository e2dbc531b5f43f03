using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace Exapyte.Load;

/// <summary>How an https:// service is spoken to.</summary>
static class Tls
{
    /// <summary>The client's side of a connection; null where the service is plain.</summary>
    public static SslClientAuthenticationOptions? Of(LoadOptions options)
    {
        if (options.Url.Scheme != Uri.UriSchemeHttps)
            return null;
        var authority = options.Authority ?? throw new FormatException("An https:// service needs --ca.");
        var tls = new SslClientAuthenticationOptions
        {
            TargetHost = options.Url.Host,
            CertificateChainPolicy = new()
            {
                TrustMode = X509ChainTrustMode.CustomRootTrust,
                RevocationMode = X509RevocationMode.NoCheck,
            },
        };
        tls.CertificateChainPolicy.CustomTrustStore.ImportFromPemFile(authority);
        return tls;
    }
}
