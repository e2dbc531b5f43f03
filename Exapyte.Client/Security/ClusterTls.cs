using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;
using Orleans.Connections.Security;

namespace Exapyte.Client.Security;

/// <summary>
/// Mutual TLS between the nodes of a cluster and its .NET clients: each side shows a certificate of the cluster's own
/// authority, and whoever has none reaches no grain. Names are not compared: every holder of such a certificate is trusted
/// whole, as a node or as a client that may call whatever it likes.
/// </summary>
public sealed partial class ClusterTls(CertificateFiles own, AuthorityFile authorities, ILogger logger)
{
    // Nobody compares it; TLS wants a name.
    private const string Name = "exapyte";

    /// <summary>Sets up both sides of a connection.</summary>
    public void Configure(TlsOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
        options.LocalServerCertificateSelector = (_, _) => own.Certificate;
        options.LocalClientCertificateSelector = (_, _, _, _, _) => own.Certificate;
        options.RemoteCertificateMode = RemoteCertificateMode.RequireCertificate;
        options.RemoteCertificateValidation = IsTrusted;
        options.OnAuthenticateAsClient = (_, client) => client.TargetHost = Name;
    }

    private bool IsTrusted(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (authorities.ReasonAgainst(certificate, chain) is not { } reason)
        {
            return true;
        }
        LogRefused(logger, reason);
        return false;
    }

    [LoggerMessage(LogLevel.Warning, "A node or client was refused, for {Reason}")]
    private static partial void LogRefused(ILogger logger, string reason);
}

/// <summary>Lets a client reach a cluster whose nodes ask for certificates.</summary>
public static class ClusterTlsExtensions
{
    /// <summary>
    /// Shows a certificate of the cluster's authority, and trusts no node without one. The files are read again when they
    /// change.
    /// </summary>
    /// <param name="options">The client's settings.</param>
    /// <param name="certificate">The client's certificate: PEM or PFX.</param>
    /// <param name="key">Its key as PEM; null: it is in the first file.</param>
    /// <param name="authority">The cluster's authority, as PEM.</param>
    public static void UseTls(this ExapyteClientOptions options, string certificate, string? key, string authority)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.ConfigureOrleans += orleans => orleans.UseExapyteTls(certificate, key, authority);
    }

    /// <summary>Shows a certificate of the cluster's authority, and trusts no node without one.</summary>
    /// <param name="client">The Orleans client.</param>
    /// <param name="certificate">The client's certificate: PEM or PFX.</param>
    /// <param name="key">Its key as PEM; null: it is in the first file.</param>
    /// <param name="authority">The cluster's authority, as PEM.</param>
    /// <param name="loggers">Where it says whom it refused and that files were replaced; null: nowhere.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="System.Security.Cryptography.CryptographicException">The files cannot be used.</exception>
    public static IClientBuilder UseExapyteTls(
        this IClientBuilder client,
        string certificate,
        string? key,
        string authority,
        ILoggerFactory? loggers = null
    )
    {
        var logger = (loggers ?? Microsoft.Extensions.Logging.Abstractions.NullLoggerFactory.Instance).CreateLogger(
            "Exapyte.Tls"
        );
        var tls = new ClusterTls(
            CertificateFiles.Load(certificate, key, password: null, TimeProvider.System, logger),
            AuthorityFile.Load(authority, TimeProvider.System, logger),
            logger
        );
        return client.UseTls(tls.Configure);
    }
}
