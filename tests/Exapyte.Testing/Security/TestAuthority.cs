using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Exapyte.Testing.Security;

/// <summary>A certificate authority of a test's own, whose certificates go into files as an operator's would.</summary>
public sealed class TestAuthority : IDisposable
{
    private static readonly TimeSpan Life = TimeSpan.FromDays(30);
    private static readonly Oid[] Usages = [new("1.3.6.1.5.5.7.3.1"), new("1.3.6.1.5.5.7.3.2")];

    private readonly string folder;
    private readonly X509Certificate2 own;

    /// <summary>Makes an authority; its certificate is in a file of its name.</summary>
    public TestAuthority(string folder, string name)
    {
        this.folder = folder;
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        var now = TimeProvider.System.GetUtcNow();
        own = request.CreateSelfSigned(now - Life, now + Life);
        File = Path.Combine(folder, name + ".crt");
        System.IO.File.WriteAllText(File, own.ExportCertificatePem());
    }

    /// <summary>The authority's certificate, as PEM.</summary>
    public string File { get; }

    /// <summary>The authority's certificate.</summary>
    public X509Certificate2 Certificate => own;

    /// <summary>
    /// Issues a certificate for this machine's loopback addresses into <c>name.crt</c> and <c>name.key</c>, over what is
    /// there; the serial number.
    /// </summary>
    public string Issue(string name, bool expired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([.. Usages], false));
        var now = TimeProvider.System.GetUtcNow();
        var (from, to) = expired ? (now - (Life / 2), now - (Life / 3)) : (now - (Life / 2), now + (Life / 2));
        using var issued = request.Create(own, from, to, RandomNumberGenerator.GetBytes(8));
        // Whole or not at all: the key first, so that what reads in between meets a pair that does not fit, as in life.
        Replace(KeyFile(name), key.ExportPkcs8PrivateKeyPem());
        Replace(CertificateFile(name), issued.ExportCertificatePem());
        return issued.SerialNumber;
    }

    /// <summary>Where an issued certificate is.</summary>
    public string CertificateFile(string name) => Path.Combine(folder, name + ".crt");

    /// <summary>Where its key is.</summary>
    public string KeyFile(string name) => Path.Combine(folder, name + ".key");

    /// <summary>A client that trusts this authority and no other, and shows the named certificate where there is one.</summary>
    public HttpClient CreateHttp(string? name = null)
    {
        var handler = new SocketsHttpHandler();
        handler.SslOptions.RemoteCertificateValidationCallback = (_, shown, _, _) => IsIssuer(shown);
        if (name is not null)
        {
            handler.SslOptions.ClientCertificates =
            [
                X509Certificate2.CreateFromPemFile(CertificateFile(name), KeyFile(name)),
            ];
        }
        return new HttpClient(handler);
    }

    /// <summary>Whether this authority issued the certificate and it is valid now.</summary>
    public bool IsIssuer(X509Certificate? shown)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.Add(own);
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        return shown is X509Certificate2 certificate && chain.Build(certificate);
    }

    /// <inheritdoc/>
    public void Dispose() => own.Dispose();

    private static void Replace(string path, string text)
    {
        System.IO.File.WriteAllText(path + ".new", text);
        System.IO.File.Move(path + ".new", path, overwrite: true);
    }
}
