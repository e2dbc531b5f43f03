using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Exapyte.Silo.Tests.Hosting;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Security;
using Xunit;

namespace Exapyte.Silo.Tests.Security;

/// <summary>Three real processes that ask for keys, with TLS at their gateways and among each other.</summary>
public sealed class SecuredClusterTests : IAsyncLifetime
{
    private const string Entry = "v1/keyspaces/shop/entries/";
    private const int RequestsBetween = 10;
    private static readonly string[] Names = ["n1", "n2", "n3"];
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(2);

    private readonly TemporaryFolder folder = new();
    private readonly TestAuthority authority;
    private readonly List<NodeProcess> nodes = [];
    private string root = "";

    public SecuredClusterTests() => authority = new(folder.File(""), "authority");

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        authority.Issue("node");
        foreach (string name in Names)
        {
            authority.Issue(name);
            nodes.Add(Launch(name));
        }
        foreach (NodeProcess node in nodes)
            await node.WaitUntilReadyAsync();
        root = await RootKeyAsync();
        using HttpClient http = Client(nodes[0], root);
        using HttpResponseMessage made = await http.PutAsJsonAsync("v1/keyspaces/shop", new { shards = 3 }, OfTest);
        Assert.Equal(HttpStatusCode.Created, made.StatusCode);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (NodeProcess node in nodes)
            await node.DisposeAsync();
        authority.Dispose();
        folder.Dispose();
    }

    [Fact]
    public async Task Certificates_that_are_replaced_under_load_fail_no_request()
    {
        using CancellationTokenSource ending = new();
        LoadCount[] counts = [.. nodes.SelectMany(_ => new LoadCount[] { new(), new() })];
        Task[] loads = [.. counts.Select((count, at) => LoadAsync(nodes[at / 2], count, ending))];
        for (int round = 0; round < 3; round++)
        {
            string serial = authority.Issue("node");
            foreach (string name in Names)
                authority.Issue(name);
            foreach (NodeProcess node in nodes)
                await Eventually.Holds(
                    async () =>
                        await SecuredNodeTests.SerialOf(node, authority) == serial || ending.IsCancellationRequested,
                    "a node shows its new certificate",
                    Deadline
                );
            int[] before = [.. counts.Select(count => count.Requests)];
            await Eventually.Holds(
                () =>
                    ending.IsCancellationRequested
                    || counts.Zip(before).All(pair => pair.First.Requests >= pair.Second + RequestsBetween),
                "each load goes on with the new certificates",
                Deadline
            );
        }
        await ending.CancelAsync();

        // Each load ends by itself where a request of its own fails, and tells what it was.
        await Task.WhenAll(loads);
    }

    [Fact]
    public async Task A_revoked_key_is_refused_by_every_node_once_its_revocation_is_confirmed()
    {
        using HttpClient http = Client(nodes[1], root);
        for (int round = 0; round < 5; round++)
        {
            (string id, string key) = await MakeKeyAsync(http);
            foreach (NodeProcess node in nodes)
                await Eventually.Holds(
                    async () => await StatusAsync(node, key, Entry + "a") == HttpStatusCode.NotFound,
                    "every node knows the new key",
                    Deadline
                );

            using HttpResponseMessage revoked = await http.DeleteAsync("v1/keys/" + id, OfTest);

            Assert.Equal(HttpStatusCode.NoContent, revoked.StatusCode);
            HttpStatusCode[] statuses = await Task.WhenAll(nodes.Select(node => StatusAsync(node, key, Entry + "a")));
            Assert.All(statuses, status => Assert.Equal(HttpStatusCode.Unauthorized, status));
        }
    }

    [Fact]
    public async Task Keys_go_on_being_checked_while_the_control_planes_database_is_gone()
    {
        using HttpClient http = Client(nodes[0], root);
        (_, string key) = await MakeKeyAsync(http);
        foreach (NodeProcess node in nodes)
            await Eventually.Holds(
                async () => await StatusAsync(node, key, Entry + "a") == HttpStatusCode.NotFound,
                "every node knows the new key",
                Deadline
            );

        foreach (string file in Directory.GetFiles(folder.File(""), "cluster.db*"))
            File.Move(file, Path.Combine(folder.File(""), "away." + Path.GetFileName(file)));
        Directory.CreateDirectory(folder.File("cluster.db"));

        foreach (NodeProcess node in nodes)
        {
            Assert.Equal(HttpStatusCode.NotFound, await StatusAsync(node, key, Entry + "a"));
            Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync(node, key, "v1/keys"));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(node, key + "x", Entry + "a"));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(node, null, Entry + "a"));
        }
        // What nodes have said of refusals holds neither a secret nor a key's name.
        string said = string.Concat(nodes.Select(node => node.Output));
        Assert.Contains("Refused: key -, GET /v1/keyspaces/{keyspace}/entries/{key}", said, StringComparison.Ordinal);
        Assert.DoesNotContain(key.Split('.')[1], said, StringComparison.Ordinal);
        Assert.DoesNotContain(root.Split('.')[1], said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_gateway_of_its_own_shows_a_certificate_and_asks_for_the_same_keys()
    {
        authority.Issue("gateway");
        string[] args =
        [
            "--endpoints",
            string.Join(',', nodes.Select(node => $"127.0.0.1:{node.GatewayPort}")),
            "--auth",
            "keys",
            "--tls-cert",
            authority.CertificateFile("node"),
            "--tls-key",
            authority.KeyFile("node"),
            "--cluster-tls-cert",
            authority.CertificateFile("gateway"),
            "--cluster-tls-key",
            authority.KeyFile("gateway"),
            "--cluster-tls-ca",
            authority.File,
        ];
        using HttpClient http = authority.CreateHttp();
        await using GatewayProcess gateway = GatewayProcess.Launch(http, args);
        await gateway.WaitUntilReadyAsync();

        Assert.Equal(HttpStatusCode.Unauthorized, (await gateway.SendAsync(HttpMethod.Get, Entry + "a")).Status);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", root);
        await Eventually.Holds(
            async () => (await gateway.SendAsync(HttpMethod.Put, Entry + "a", "1")).Status == HttpStatusCode.Created,
            "it knows the keys and takes the write",
            Deadline
        );
        Assert.Equal((HttpStatusCode.OK, "1"), await gateway.SendAsync(HttpMethod.Get, Entry + "a"));

        (string id, string key) = await MakeKeyAsync(http);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        await BecomesAsync(gateway, HttpStatusCode.OK);
        using HttpClient admin = Client(nodes[0], root);
        (await admin.DeleteAsync("v1/keys/" + id, OfTest)).Dispose();
        await BecomesAsync(gateway, HttpStatusCode.Unauthorized);
    }

    private static Task BecomesAsync(GatewayProcess gateway, HttpStatusCode status) =>
        Eventually.Holds(
            async () => (await gateway.SendAsync(HttpMethod.Get, Entry + "a")).Status == status,
            $"the gateway knows of the key what makes it answer {status}",
            Deadline
        );

    private NodeProcess Launch(string name) =>
        NodeProcess.LaunchSecured(
            folder,
            name,
            NodePorts.Free(),
            authority,
            "--node",
            name,
            "--auth",
            "keys",
            "--cluster",
            $"Data Source={folder.File("cluster.db")}",
            "--provider",
            "sqlite",
            "--cluster-tls-cert",
            authority.CertificateFile(name),
            "--cluster-tls-key",
            authority.KeyFile(name),
            "--cluster-tls-ca",
            authority.File
        );

    private async Task<string> RootKeyAsync()
    {
        string[] written = [.. Names.Select(name => folder.File($"{name}/root.key")).Where(File.Exists)];
        foreach (string file in written)
        {
            string shown = (await File.ReadAllTextAsync(file, OfTest)).Trim();
            if (await StatusAsync(nodes[0], shown, "v1/keys") == HttpStatusCode.OK)
                return shown;
        }
        throw new InvalidOperationException($"None of {written.Length} root keys is in force.");
    }

    private static async Task<(string Id, string Key)> MakeKeyAsync(HttpClient http)
    {
        using StringContent body = new(
            """{"name":"test","grants":[{"keyspace":"shop","allow":["read","write"]}]}""",
            Encoding.UTF8,
            "application/json"
        );
        using HttpResponseMessage made = await http.PostAsync("v1/keys", body, OfTest);
        JsonElement json = await made.Content.ReadFromJsonAsync<JsonElement>(OfTest);
        string id = json.GetProperty("id").GetString()!;
        return (id, $"{id}.{json.GetProperty("secret").GetString()}");
    }

    private HttpClient Client(NodeProcess node, string? key)
    {
        HttpClient http = authority.CreateHttp();
        http.BaseAddress = node.Http;
        if (key is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return http;
    }

    private async Task<HttpStatusCode> StatusAsync(NodeProcess node, string? key, string path)
    {
        using HttpClient http = Client(node, key);
        using HttpResponseMessage answer = await http.GetAsync(path, OfTest);
        return answer.StatusCode;
    }

    /// <summary>Writes and reads back through a node, on lasting and on new connections, until told to end.</summary>
    private async Task LoadAsync(NodeProcess node, LoadCount requests, CancellationTokenSource ending)
    {
        HttpClient http = Client(node, root);
        int count = 0;
        try
        {
            for (; !ending.IsCancellationRequested; requests.Requests = ++count)
            {
                if (count % RequestsBetween == RequestsBetween - 1)
                {
                    http.Dispose();
                    http = Client(node, root);
                }
                string path = $"{Entry}{node.Http.Port}-{count % 50}";
                using StringContent value = new($"{count}");
                using HttpResponseMessage put = await http.PutAsync(path, value, OfTest);
                Assert.True(put.IsSuccessStatusCode, $"PUT {path}: {put.StatusCode}");
                Assert.NotEmpty(await http.GetStringAsync(path, OfTest));
            }
        }
        catch
        {
            await ending.CancelAsync();
            throw;
        }
        finally
        {
            http.Dispose();
        }
    }

    /// <summary>How many requests a load has made; read by another thread.</summary>
    private sealed class LoadCount
    {
        private int requests;

        public int Requests
        {
            get => Volatile.Read(ref requests);
            set => Volatile.Write(ref requests, value);
        }
    }
}
