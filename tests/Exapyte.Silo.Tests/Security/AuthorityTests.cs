using System.Security.Cryptography.X509Certificates;
using Exapyte.Client.Security;
using Exapyte.Testing.Security;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace Exapyte.Silo.Tests.Security;

/// <summary>Which certificates are trusted, and when files that changed are read again.</summary>
public sealed class AuthorityTests : IDisposable
{
    private readonly TemporaryFolder folder = new();
    private readonly TestAuthority own;
    private readonly TestAuthority foreign;

    public AuthorityTests() => (own, foreign) = (new(folder.File(""), "own"), new(folder.File(""), "foreign"));

    public void Dispose()
    {
        own.Dispose();
        foreign.Dispose();
        folder.Dispose();
    }

    [Fact]
    public void Only_a_valid_certificate_of_the_authority_is_trusted()
    {
        var authorities = AuthorityFile.Load(own.File, TimeProvider.System, NullLogger.Instance);
        own.Issue("node");
        own.Issue("late", expired: true);
        foreign.Issue("stranger");

        Assert.Null(authorities.ReasonAgainst(Issued("node"), null));
        Assert.Contains("NotTimeValid", authorities.ReasonAgainst(Issued("late"), null), StringComparison.Ordinal);
        Assert.NotNull(authorities.ReasonAgainst(Issued("stranger"), null));
        Assert.NotNull(authorities.ReasonAgainst(foreign.Certificate, null));
        Assert.Contains("no certificate", authorities.ReasonAgainst(null, null), StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_were_replaced_are_read_again_and_bad_ones_are_not_used()
    {
        var time = new FakeTimeProvider();
        var first = own.Issue("node");
        var files = CertificateFiles.Load(
            own.CertificateFile("node"),
            own.KeyFile("node"),
            null,
            time,
            NullLogger.Instance
        );
        Assert.Equal(first, files.Certificate.SerialNumber);

        var second = own.Issue("node");
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(second, files.Certificate.SerialNumber);

        File.Delete(own.KeyFile("node"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(second, files.Certificate.SerialNumber);

        own.Issue("other");
        File.Copy(own.KeyFile("other"), own.KeyFile("node"));
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(second, files.Certificate.SerialNumber);

        var third = own.Issue("node");
        time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(third, files.Certificate.SerialNumber);
    }

    [Fact]
    public void A_pfx_and_a_pem_that_holds_its_key_are_read_too()
    {
        var serial = own.Issue("node");
        using var issued = X509Certificate2.CreateFromPemFile(own.CertificateFile("node"), own.KeyFile("node"));
        File.WriteAllBytes(folder.File("node.pfx"), issued.Export(X509ContentType.Pkcs12, "word"));
        File.WriteAllText(
            folder.File("both.pem"),
            File.ReadAllText(own.CertificateFile("node")) + "\n" + File.ReadAllText(own.KeyFile("node"))
        );

        var pfx = CertificateFiles.Load(
            folder.File("node.pfx"),
            null,
            "word",
            TimeProvider.System,
            NullLogger.Instance
        );
        var pem = CertificateFiles.Load(folder.File("both.pem"), null, null, TimeProvider.System, NullLogger.Instance);

        Assert.Equal((serial, true), (pfx.Certificate.SerialNumber, pfx.Certificate.HasPrivateKey));
        Assert.Equal((serial, true), (pem.Certificate.SerialNumber, pem.Certificate.HasPrivateKey));
    }

    private X509Certificate2 Issued(string name) =>
        X509CertificateLoader.LoadCertificateFromFile(folder.File(name + ".crt"));
}
