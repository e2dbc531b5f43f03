using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Exapyte.Client.Security;

namespace Exapyte.Gateway.Hosting;

/// <summary>Certificate files that cannot be used; one line for the operator.</summary>
internal sealed class CertificateException(string reason, Exception cause) : Exception(reason, cause);

/// <summary>Makes certificates ready for the gateway's server and for the silo.</summary>
internal static class Certificates
{
    /// <summary>The gateway's side of each connection; null where it is plain.</summary>
    /// <exception cref="CertificateException">The files cannot be used.</exception>
    public static HttpTls? ForHttp(SecuritySettings security, TimeProvider time, ILogger logger) =>
        security.Http is { } files
            ? Load(files, () => new HttpTls(Own(files, time, logger), Authority(files, time, logger), logger))
            : null;

    /// <summary>Both sides of the connections between nodes; null where they are plain.</summary>
    /// <exception cref="CertificateException">The files cannot be used.</exception>
    public static ClusterTls? ForCluster(SecuritySettings security, TimeProvider time, ILogger logger) =>
        security.Cluster is { } files
            ? Load(files, () => new ClusterTls(Own(files, time, logger), Authority(files, time, logger)!, logger))
            : null;

    private static CertificateFiles Own(TlsFiles files, TimeProvider time, ILogger logger) =>
        CertificateFiles.Load(files.Certificate, files.Key, files.Password, time, logger);

    private static AuthorityFile? Authority(TlsFiles files, TimeProvider time, ILogger logger) =>
        files.Authority is null ? null : AuthorityFile.Load(files.Authority, time, logger);

    private static T Load<T>(TlsFiles files, Func<T> load)
    {
        try
        {
            return load();
        }
        catch (Exception e)
            when (e is IOException or UnauthorizedAccessException or System.Security.Cryptography.CryptographicException
            )
        {
            throw new CertificateException(
                $"the certificate files of {files.Certificate} cannot be used: {e.Message}",
                e
            );
        }
    }
}

/// <summary>TLS of the gateway: 1.2 and later, with the certificate as its files have it when a connection begins.</summary>
internal sealed partial class HttpTls(CertificateFiles own, AuthorityFile? clients, ILogger logger)
{
    /// <summary>For one connection.</summary>
    public SslServerAuthenticationOptions OptionsForConnection() =>
        new()
        {
            ServerCertificateContext = own.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            ClientCertificateRequired = clients is not null,
            CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
            RemoteCertificateValidationCallback = clients is null
                ? null
                : (_, shown, chain, _) => IsTrusted(shown, chain),
        };

    private bool IsTrusted(X509Certificate? shown, X509Chain? chain)
    {
        if (clients!.ReasonAgainst(shown as X509Certificate2, chain) is not { } reason)
            return true;
        LogRefused(reason);
        return false;
    }

    [LoggerMessage(LogLevel.Warning, "A caller of the gateway was refused, for {Reason}")]
    private partial void LogRefused(string reason);
}
