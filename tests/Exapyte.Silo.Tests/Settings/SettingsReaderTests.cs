using System.Net;
using CsCheck;
using Exapyte.Gateway.Hosting;
using Exapyte.Silo.Settings;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;
using Xunit;

namespace Exapyte.Silo.Tests.Settings;

public sealed class SettingsReaderTests
{
    [Fact]
    public void Nothing_given_is_a_single_embedded_node_on_loopback()
    {
        SiloSettings settings = Valid([]);

        Assert.Equal("n1", settings.NodeId);
        Assert.Equal(Path.GetFullPath("./data"), settings.DataFolder);
        Assert.Equal(new Uri("http://127.0.0.1:8080"), settings.Http.ToUri());
        Assert.Equal((11111, 30000), (settings.SiloPort, settings.GatewayPort));
        Assert.Equal(("default", "default"), (settings.Region, settings.Zone));
        Assert.Equal(IPAddress.Loopback, settings.Advertise);
        Assert.Equal(LogLevel.Information, settings.LogLevel);
        Assert.Null(settings.Cluster);
    }

    [Theory]
    [InlineData("MemoryBytes", "67108864", true)]
    [InlineData("MemoryBytes", "16777215", false)]
    [InlineData("MemoryBytes", "64MiB", false)]
    [InlineData("MemoryBytes", "9223372036854775807", false)]
    [InlineData("Weight", "100", true)]
    [InlineData("Weight", "0", false)]
    [InlineData("Weight", "101", false)]
    [InlineData("Weight", "1.5", false)]
    [InlineData("MaxClockSkew", "10", true)]
    [InlineData("MaxClockSkew", "9", false)]
    [InlineData("MaxClockSkew", "60001", false)]
    [InlineData("MaxClockSkew", "-500", false)]
    public void Bounds_of_memory_of_clocks_and_of_weights_are_judged_at_the_start(
        string key,
        string value,
        bool isValid
    )
    {
        if (isValid)
        {
            SiloSettings settings = Valid([(key, value)]);
            Assert.Equal(
                value,
                key switch
                {
                    "MemoryBytes" => $"{settings.MemoryBytes}",
                    "Weight" => $"{settings.Weight}",
                    _ => $"{settings.MaxClockSkewMs}",
                }
            );
        }
        else
        {
            Assert.Contains($"'{value}': must be", Assert.Single(Refused([(key, value)])), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("localhost", "127.0.0.1")]
    [InlineData("::1", "::1")]
    public void A_node_may_be_named_by_what_its_machine_is_called(string name, string address)
    {
        string host = name.Contains(':', StringComparison.Ordinal) ? $"[{name}]" : name;

        SiloSettings settings = Valid([("Advertise", name), ("Http", $"http://{host}:8081")]);

        Assert.Equal((IPAddress.Parse(address), IPAddress.Parse(address)), (settings.Advertise, settings.Http.Address));
        Assert.All(
            Refused([("Advertise", "no-such-name.invalid"), ("Http", "http://no-such-name.invalid:8081")]),
            reason => Assert.Contains("name that is known", reason, StringComparison.Ordinal)
        );
    }

    [Fact]
    public void Every_reason_is_told_at_once()
    {
        IReadOnlyList<string> reasons = Refused([
            ("Node", "N1"),
            ("Data", ""),
            ("Http", "ftp://127.0.0.1"),
            ("SiloPort", "0"),
            ("GatewayPort", "65536"),
            ("Region", "eu_west"),
            ("Zone", "-a"),
            ("Provider", "sqlite"),
            ("Advertise", "0.0.0.0"),
            ("Insecure", "maybe"),
            ("LogLevel", "Loud"),
            ("Nod", "n1"),
        ]);

        Assert.Equal(12, reasons.Count);
        Assert.All(reasons, reason => Assert.DoesNotContain('\n', reason));
        string[] subjects =
        [
            "--node 'N1'",
            "--data ''",
            "--http 'ftp://127.0.0.1'",
            "--silo-port '0'",
            "--gateway-port '65536'",
            "--region 'eu_west'",
            "--zone '-a'",
            "--provider 'sqlite'",
            "--advertise '0.0.0.0'",
            "--insecure 'maybe'",
            "--log-level 'Loud'",
            "Exapyte:Nod",
        ];
        Assert.All(subjects, subject => Assert.Contains(reasons, r => r.StartsWith(subject, StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("n1")]
    [InlineData("a")]
    [InlineData("7")]
    [InlineData("eu-west-1-a")]
    [InlineData("a23456789012345678901234567890123456789012345678901234567890123")]
    public void A_node_id_of_lower_case_letters_digits_and_inner_hyphens_is_taken(string id) =>
        Assert.Equal(id, Valid([("Node", id)]).NodeId);

    [Theory]
    [InlineData("")]
    [InlineData("a@b")]
    [InlineData("a/b")]
    [InlineData("N1")]
    [InlineData("-a")]
    [InlineData("a-")]
    [InlineData("ä")]
    [InlineData("a234567890123456789012345678901234567890123456789012345678901234")]
    public void A_node_id_that_could_break_a_grain_key_is_refused(string id) => Refused([("Node", id)]);

    [Fact]
    public void A_node_id_that_is_taken_never_holds_a_separator_of_grain_keys() =>
        Gen.String[Gen.Char["abz019-@/A. "], 0, 70]
            .Sample(id =>
            {
                SettingsResult result = Read([("Node", id)]);
                return result.Settings is null || id.Trim().AsSpan().IndexOfAny("@/A. ") < 0;
            });

    [Theory]
    [InlineData("http://127.0.0.1:8080", "http://127.0.0.1:8080")]
    [InlineData("http://localhost:8080/", "http://127.0.0.1:8080")]
    [InlineData("http://[::1]:8080", "http://[::1]:8080")]
    [InlineData("http://127.0.0.2", "http://127.0.0.2:80")]
    [InlineData("http://127.0.0.1:0", "http://127.0.0.1:0")]
    public void A_loopback_address_is_taken(string given, string expected) =>
        Assert.Equal(new Uri(expected), Valid([("Http", given)]).Http.ToUri());

    [Theory]
    [InlineData("127.0.0.1:8080")]
    [InlineData("http://127.0.0.1:8080/v1")]
    [InlineData("http://127.0.0.1:8080?a=b")]
    [InlineData("http://me@127.0.0.1:8080")]
    [InlineData("http://example.com:8080")]
    [InlineData("http://127.0.0.1:70000")]
    [InlineData("http://*:8080")]
    public void An_address_that_is_no_bare_http_url_of_one_interface_is_refused(string given) =>
        Refused([("Http", given)]);

    [Theory]
    [InlineData("Http", "http://0.0.0.0:8080")]
    [InlineData("Http", "http://10.0.0.7:8080")]
    [InlineData("Http", "http://[::]:8080")]
    [InlineData("Advertise", "10.0.0.7")]
    public void Another_address_than_loopback_needs_the_word_insecure(string key, string value)
    {
        string reason = Assert.Single(Refused([(key, value)]));
        Assert.Contains("--insecure", reason, StringComparison.Ordinal);
        Valid([(key, value), ("Insecure", "true")]);
    }

    [Fact]
    public void An_address_beyond_loopback_is_taken_with_keys_and_tls()
    {
        using TemporaryFolder folder = new();
        foreach (string name in new[] { "crt", "key", "ca" })
            File.WriteAllText(folder.File(name), "");
        (string, string)[] http =
        [
            ("Http", "https://0.0.0.0:8443"),
            ("TlsCert", folder.File("crt")),
            ("TlsKey", folder.File("key")),
        ];
        (string, string)[] cluster =
        [
            ("Advertise", "10.0.0.7"),
            ("ClusterTlsCert", folder.File("crt")),
            ("ClusterTlsCa", folder.File("ca")),
        ];

        SiloSettings settings = Valid([.. http, .. cluster, ("Auth", "keys")]);
        Assert.Equal(new Uri("https://10.0.0.7:8443"), settings.PublishedHttp);
        Assert.True(settings.Security.AsksForKeys);

        string keys = Assert.Single(Refused([.. http]));
        Assert.Contains("--auth keys", keys, StringComparison.Ordinal);
        Assert.Contains("--insecure", keys, StringComparison.Ordinal);
        Assert.Single(Refused([("Auth", "keys"), ("Http", "http://0.0.0.0:8080")]));
        Assert.Single(Refused([.. cluster[..2]]));
        Valid([("Auth", "keys")]);
        Valid([.. http, ("Insecure", "true")]);
    }

    [Theory]
    [InlineData("https://issuer.example/realm", "exapyte", true)]
    [InlineData("http://127.0.0.1:9000", "exapyte", true)]
    [InlineData("http://issuer.example", "exapyte", false)]
    [InlineData("issuer.example", "exapyte", false)]
    [InlineData("https://issuer.example", null, false)]
    [InlineData(null, "exapyte", false)]
    public void An_issuer_of_tokens_has_a_safe_address_and_an_audience(
        string? authority,
        string? audience,
        bool isTaken
    )
    {
        (string, string?)[] given =
        [
            ("Auth", "keys"),
            .. authority is null ? Array.Empty<(string, string?)>() : [("AuthJwtAuthority", authority)],
            .. audience is null ? Array.Empty<(string, string?)>() : [("AuthJwtAudience", audience)],
        ];
        if (!isTaken)
        {
            Assert.Single(Refused(given));
            return;
        }
        var jwt = Valid(given).Security.Jwt!;
        Assert.Equal((new Uri(authority!), audience, "exapyte"), (jwt.Authority, jwt.Audience, jwt.Claim));
        Assert.Single(Refused([.. given[1..]]));
    }

    [Fact]
    public void Half_a_setting_of_security_is_refused()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder.File("crt"), "");
        Assert.Single(Refused([("Http", "https://127.0.0.1:8443")]));
        Assert.Single(Refused([("TlsCert", folder.File("crt"))]));
        Assert.Single(Refused([("TlsClientCa", folder.File("crt"))]));
        Assert.Single(Refused([("Http", "https://127.0.0.1:1"), ("TlsCert", folder.File("missing"))]));
        Assert.Single(Refused([("ClusterTlsCert", folder.File("crt"))]));
        Assert.Single(Refused([("ClusterTlsCa", folder.File("crt"))]));
        Assert.Single(Refused([("Auth", "Keys")]));
    }

    [Fact]
    public void A_root_key_is_taken_from_the_environment_and_never_shown()
    {
        string key = "root." + Exapyte.Security.KeySecret.Create();
        Assert.Equal(key, Valid([("Root_Key", key), ("Auth", "keys")]).Security.RootKey);
        string[] reasons =
        [
            .. Refused([("Root_Key", key)]),
            .. Refused([("Root_Key", key + "x"), ("Auth", "keys")]),
            .. Refused([("Root_Key", key.Replace("root", "boss")), ("Auth", "keys")]),
        ];
        Assert.Equal(3, reasons.Length);
        Assert.All(reasons, reason => Assert.DoesNotContain(key[5..], reason, StringComparison.Ordinal));
    }

    [Fact]
    public void A_wildcard_address_is_published_as_the_advertised_one()
    {
        SiloSettings settings = Valid([
            ("Http", "http://0.0.0.0:8080"),
            ("Advertise", "10.0.0.7"),
            ("Insecure", "true"),
        ]);
        Assert.Equal(new Uri("http://10.0.0.7:8080"), settings.PublishedHttp);
    }

    [Fact]
    public void Two_roles_on_one_port_are_refused() =>
        Assert.Equal(
            2,
            Refused([("SiloPort", "9000"), ("GatewayPort", "9000"), ("Http", "http://127.0.0.1:9000")]).Count
        );

    [Theory]
    [InlineData("Data Source=cluster.db", null)]
    [InlineData(null, "sqlite")]
    [InlineData(null, "postgres")]
    [InlineData("Data Source=cluster.db", "mysql")]
    [InlineData("Data Source=:memory:", "sqlite")]
    [InlineData("Data Source=file:cluster.db", "sqlite")]
    [InlineData("Data Source=cluster.db;Mode=ReadOnly", "sqlite")]
    [InlineData("Data Source=cluster.db;Mode=Memory", "sqlite")]
    [InlineData("Filename", "sqlite")]
    [InlineData("Database=exapyte", "postgres")]
    [InlineData("Host=db;Port=many", "postgres")]
    public void A_cluster_goes_with_a_database_that_processes_can_share(string? cluster, string? provider) =>
        Assert.Single(Refused([("Cluster", cluster), ("Provider", provider)]));

    [Fact]
    public void A_password_never_shows_in_a_reason_or_a_name()
    {
        const string Secret = "hunter2";
        string reason = Assert.Single(
            Refused([("Cluster", $"Host=db;Password={Secret};Port=many"), ("Provider", "postgres")])
        );
        Assert.DoesNotContain(Secret, reason, StringComparison.Ordinal);
        SiloSettings settings = Valid([
            ("Cluster", $"Host=db;Username=me;Password={Secret};Database=exapyte"),
            ("Provider", "postgres"),
        ]);
        Assert.Equal("PostgreSQL database exapyte on db:5432", settings.Cluster!.DisplayName);
    }

    [Fact]
    public void A_section_of_another_house_is_left_alone() => Valid([("Gateway:PageMax", "10")]);

    [Fact]
    public void Keys_ignore_case_as_the_environment_needs_it() =>
        Assert.Equal(12345, Valid([("SILOPORT", "12345")]).SiloPort);

    private static SiloSettings Valid((string Key, string? Value)[] given)
    {
        SettingsResult result = Read(given);
        Assert.Empty(result.Reasons);
        return result.Settings!;
    }

    private static IReadOnlyList<string> Refused((string Key, string? Value)[] given)
    {
        SettingsResult result = Read(given);
        Assert.Null(result.Settings);
        Assert.NotEmpty(result.Reasons);
        return result.Reasons;
    }

    private static SettingsResult Read((string Key, string? Value)[] given) =>
        SettingsReader.Read(
            new ConfigurationBuilder()
                .AddInMemoryCollection(given.Select(g => KeyValuePair.Create($"Exapyte:{g.Key}", g.Value)))
                .Build()
        );
}
