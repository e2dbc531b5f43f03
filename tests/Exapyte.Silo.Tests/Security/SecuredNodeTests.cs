using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Exapyte.Client;
using Exapyte.Client.Security;
using Exapyte.Silo.Tests.Hosting;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Security;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Xunit;

namespace Exapyte.Silo.Tests.Security;

/// <summary>The real process with keys and certificates, as an operator starts it.</summary>
public sealed class SecuredNodeTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder folder = new();
    private readonly TestAuthority authority;

    public SecuredNodeTests() => authority = new(folder.File(""), "authority");

    public void Dispose()
    {
        authority.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task A_node_with_keys_and_tls_serves_who_has_the_root_key_and_nobody_else()
    {
        authority.Issue("node");
        await using NodeProcess node = NodeProcess.LaunchSecured(
            folder,
            "data",
            NodePorts.Free(),
            authority,
            "--auth",
            "keys"
        );
        await node.WaitUntilReadyAsync();
        using HttpClient http = authority.CreateHttp();
        http.BaseAddress = node.Http;
        http.DefaultRequestVersion = HttpVersion.Version20;
        http.DefaultVersionPolicy = HttpVersionPolicy.RequestVersionExact;

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(http, "v1/keyspaces"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "livez"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "metrics"));
        http.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.9");
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(http, "metrics"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(http, "Metrics/"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(http, "%6Detrics"));
        Assert.Equal(HttpStatusCode.Unauthorized, await StatusOf(http, "readyz"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "livez"));

        string rootKey = await File.ReadAllTextAsync(folder.File("data/root.key"), CancellationToken.None);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", rootKey.Trim());
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "metrics"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "readyz"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "v1/nodes"));
        Assert.Equal(HttpStatusCode.OK, await StatusOf(http, "v1/keys"));

        using HttpClient plain = new();
        await Assert.ThrowsAsync<HttpRequestException>(() =>
            plain.GetAsync(new Uri($"http://127.0.0.1:{node.Http.Port}/livez"))
        );
        string secret = rootKey.Trim().Split('.')[1];
        Assert.DoesNotContain(secret, node.Output, StringComparison.Ordinal);
        Assert.Contains("Refused: key -, GET /v1/keyspaces", node.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_is_replaced_is_used_from_the_next_connection_on_and_fails_no_request()
    {
        string first = authority.Issue("node");
        await using NodeProcess node = NodeProcess.LaunchSecured(folder, "data", NodePorts.Free(), authority);
        await node.WaitUntilReadyAsync();
        using HttpClient lasting = authority.CreateHttp();
        lasting.BaseAddress = node.Http;
        Assert.Equal(HttpStatusCode.OK, await StatusOf(lasting, "livez"));
        Assert.Equal(first, await SerialOf(node));

        string second = authority.Issue("node");
        await Eventually.Holds(
            async () =>
            {
                string serial = await SerialOf(node);
                Assert.Equal(HttpStatusCode.OK, await StatusOf(lasting, "livez"));
                return serial == second;
            },
            "the new certificate is in use",
            Deadline
        );

        await File.WriteAllTextAsync(authority.KeyFile("node"), "no key", CancellationToken.None);
        await Eventually.Holds(
            async () =>
                await SerialOf(node) == second
                && node.Output.Contains("by ones that cannot be used", StringComparison.Ordinal),
            "a file that cannot be used leaves the old certificate in use",
            Deadline
        );
        Assert.Equal(HttpStatusCode.OK, await StatusOf(lasting, "livez"));
    }

    [Fact]
    public async Task A_gateway_with_an_authority_for_callers_takes_its_certificates_alone()
    {
        authority.Issue("node");
        authority.Issue("caller");
        authority.Issue("late", expired: true);
        using TestAuthority foreign = new(folder.File(""), "foreign");
        foreign.Issue("stranger");
        await using NodeProcess node = NodeProcess.LaunchSecured(
            folder,
            "data",
            NodePorts.Free(),
            authority,
            "--tls-client-ca",
            authority.File
        );
        await Eventually.Holds(() => node.HasSaid("Ready "), "the node is ready", Deadline);

        using HttpClient known = authority.CreateHttp("caller");
        known.BaseAddress = node.Http;
        Assert.Equal(HttpStatusCode.OK, await StatusOf(known, "livez"));
        Uri live = new(node.Http, "livez");
        using HttpClient none = authority.CreateHttp();
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => none.GetAsync(live));
        using HttpClient late = authority.CreateHttp("late");
        await Assert.ThrowsAnyAsync<HttpRequestException>(() => late.GetAsync(live));
        await Eventually.Holds(
            () =>
                node.Output.Contains("it showed no certificate", StringComparison.Ordinal)
                && node.Output.Contains("CN=late is not trusted", StringComparison.Ordinal),
            "both are told in a line",
            Deadline
        );
    }

    [Fact]
    public async Task Nodes_and_clients_without_a_certificate_of_the_cluster_get_nowhere()
    {
        foreach (string name in new[] { "n1", "n2", "client" })
            authority.Issue(name);
        using TestAuthority foreign = new(folder.File(""), "foreign");
        foreign.Issue("n3");
        NodePorts ports = NodePorts.Free();
        await using NodeProcess one = Join("n1", ports, authority);
        await one.WaitUntilReadyAsync();
        await using NodeProcess two = Join("n2", NodePorts.Free(), authority);
        await two.WaitUntilReadyAsync();
        await using NodeProcess intruder = Join("n3", NodePorts.Free(), foreign);

        await Eventually.Holds(
            () =>
                (one.Output + two.Output).Contains("A node or client was refused", StringComparison.Ordinal)
                || intruder.Output.Contains("A node or client was refused", StringComparison.Ordinal),
            "one of them refuses the other",
            Deadline
        );
        using IHost client = ClientOf(ports.Gateway, authority);
        await client.StartAsync();
        IExapyteClient exapyte = client.Services.GetRequiredService<IExapyteClient>();
        Assert.Empty(await exapyte.ListKeyspacesAsync());
        using IHost stranger = ClientOf(ports.Gateway, null);
        await Assert.ThrowsAnyAsync<Exception>(() => stranger.StartAsync());

        await using ExapyteClient connected = await ExapyteClient.ConnectAsync(
            $"127.0.0.1:{ports.Gateway}",
            options => options.UseTls(authority.CertificateFile("client"), authority.KeyFile("client"), authority.File)
        );
        Assert.Empty(await connected.ListKeyspacesAsync());
        await Assert.ThrowsAsync<ExapyteConnectException>(() =>
            ExapyteClient.ConnectAsync(
                $"127.0.0.1:{ports.Gateway}",
                options => options.UseTls(foreign.CertificateFile("n3"), foreign.KeyFile("n3"), authority.File)
            )
        );
        await Assert.ThrowsAsync<ExapyteConnectException>(() =>
            ExapyteClient.ConnectAsync($"127.0.0.1:{ports.Gateway}")
        );

        // A certificate that is replaced while nodes talk to each other fails nothing.
        authority.Issue("n1");
        authority.Issue("n2");
        Assert.Empty(await exapyte.ListKeyspacesAsync());
        Assert.False(intruder.HasSaid("Ready "));
        await client.StopAsync();
    }

    private NodeProcess Join(string name, NodePorts ports, TestAuthority issuer) =>
        NodeProcess.Launch(
            folder,
            name,
            ports,
            "--node",
            name,
            "--cluster",
            $"Data Source={folder.File("cluster.db")}",
            "--provider",
            "sqlite",
            "--cluster-tls-cert",
            issuer.CertificateFile(name),
            "--cluster-tls-key",
            issuer.KeyFile(name),
            "--cluster-tls-ca",
            issuer.File
        );

    private static IHost ClientOf(int gatewayPort, TestAuthority? issuer)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.UseOrleansClient(client =>
        {
            client.UseStaticClustering(new IPEndPoint(IPAddress.Loopback, gatewayPort));
            client.Configure<ClusterOptions>(cluster => cluster.ClusterId = cluster.ServiceId = "exapyte");
            if (issuer is not null)
                client.UseExapyteTls(issuer.CertificateFile("client"), issuer.KeyFile("client"), issuer.File);
        });
        builder.Services.AddExapyteClient();
        return builder.Build();
    }

    private static async Task<HttpStatusCode> StatusOf(HttpClient http, string path)
    {
        using HttpResponseMessage answer = await http.GetAsync(path);
        return answer.StatusCode;
    }

    private Task<string> SerialOf(NodeProcess node) => SerialOf(node, authority);

    /// <summary>The serial number of the certificate that a node's gateway shows, which the authority must have issued.</summary>
    internal static async Task<string> SerialOf(NodeProcess node, TestAuthority authority)
    {
        using TcpClient socket = new();
        await socket.ConnectAsync(IPAddress.Loopback, node.Http.Port);
        await using SslStream tls = new(
            socket.GetStream(),
            leaveInnerStreamOpen: false,
            (_, shown, _, _) => authority.IsIssuer(shown)
        );
        await tls.AuthenticateAsClientAsync("localhost");
        Assert.True(tls.SslProtocol is SslProtocols.Tls12 or SslProtocols.Tls13);
        return ((X509Certificate2)tls.RemoteCertificate!).SerialNumber;
    }
}
