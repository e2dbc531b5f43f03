using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging;

namespace Exapyte.Client.Security;

/// <summary>
/// A certificate with its key and the certificates between it and its authority, from files: PEM (with the key in a file of
/// its own, or in the same), or PFX. Read again when the files change. Thread-safe.
/// </summary>
public sealed class CertificateFiles
{
    private readonly ReloadedFiles<SslStreamCertificateContext> files;

    private CertificateFiles(ReloadedFiles<SslStreamCertificateContext> files) => this.files = files;

    /// <summary>The certificate with its key.</summary>
    public X509Certificate2 Certificate => files.Current.TargetCertificate;

    /// <summary>The same for a server's handshake, with what it sends beside it.</summary>
    public SslStreamCertificateContext Context => files.Current;

    /// <summary>Loads the files.</summary>
    /// <param name="certificate">PEM or PFX.</param>
    /// <param name="key">The key as PEM; null: it is in the first file.</param>
    /// <param name="password">Of the PFX or the key; null: none.</param>
    /// <param name="time">The clock by which they are looked at again.</param>
    /// <param name="logger">Is told when they were replaced.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    /// <exception cref="CryptographicException">They hold no certificate and key that go together.</exception>
    public static CertificateFiles Load(
        string certificate,
        string? key,
        string? password,
        TimeProvider time,
        ILogger logger
    )
    {
        ArgumentNullException.ThrowIfNull(certificate);
        string[] paths = key is null ? [certificate] : [certificate, key];
        return new(new(paths, () => ReadPair(certificate, key, password), time, logger));
    }

    /// <summary>A key that belongs to another certificate is told as a wrong argument.</summary>
    private static SslStreamCertificateContext ReadPair(string certificate, string? key, string? password)
    {
        try
        {
            return Read(certificate, key, password);
        }
        catch (ArgumentException mismatch)
        {
            throw new CryptographicException("The certificate and the key do not go together.", mismatch);
        }
    }

    private static SslStreamCertificateContext Read(string certificate, string? key, string? password)
    {
        X509Certificate2Collection all = [];
        X509Certificate2 own;
        if (File.ReadAllText(certificate).Contains("-----BEGIN ", StringComparison.Ordinal))
        {
            own = password is null
                ? X509Certificate2.CreateFromPemFile(certificate, key)
                : X509Certificate2.CreateFromEncryptedPemFile(certificate, password, key);
            all.ImportFromPemFile(certificate);
        }
        else
        {
            all = X509CertificateLoader.LoadPkcs12CollectionFromFile(certificate, password);
            own =
                all.FirstOrDefault(one => one.HasPrivateKey)
                ?? throw new CryptographicException("The file holds no certificate with a key.");
        }
        var between = new X509Certificate2Collection(all.Where(one => one.Thumbprint != own.Thumbprint).ToArray());
        return SslStreamCertificateContext.Create(own, between, offline: true);
    }
}

/// <summary>
/// The certificates of authorities, from a PEM file that is read again when it changes, and nothing else: the machine's own
/// authorities do not count. Thread-safe.
/// </summary>
public sealed class AuthorityFile
{
    private readonly ReloadedFiles<X509Certificate2Collection> file;

    private AuthorityFile(ReloadedFiles<X509Certificate2Collection> file) => this.file = file;

    /// <summary>Loads the file.</summary>
    /// <exception cref="IOException">It cannot be read.</exception>
    /// <exception cref="CryptographicException">It holds no certificate.</exception>
    public static AuthorityFile Load(string path, TimeProvider time, ILogger logger) =>
        new(new([path], () => Read(path), time, logger));

    /// <summary>Why the certificate is not trusted; null where it is.</summary>
    /// <param name="certificate">What the other side showed; null for nothing.</param>
    /// <param name="sent">What it sent beside it.</param>
    public string? ReasonAgainst(X509Certificate2? certificate, X509Chain? sent)
    {
        if (certificate is null)
        {
            return "it showed no certificate";
        }
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(file.Current);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        if (sent is not null)
        {
            foreach (var element in sent.ChainElements)
            {
                chain.ChainPolicy.ExtraStore.Add(element.Certificate);
            }
        }
        return chain.Build(certificate)
            ? null
            : $"its certificate {certificate.Subject} is not trusted: "
                + string.Join(' ', chain.ChainStatus.Select(status => status.Status));
    }

    private static X509Certificate2Collection Read(string path)
    {
        X509Certificate2Collection authorities = [];
        authorities.ImportFromPemFile(path);
        return authorities.Count > 0
            ? authorities
            : throw new CryptographicException("The file holds no certificate as PEM.");
    }
}
