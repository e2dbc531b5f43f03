using Exapyte.Client;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Security;
using Microsoft.IdentityModel.Tokens;
using Xunit;

namespace Exapyte.Gateway.Tests.Security;

/// <summary>Tokens of an issuer beside keys.</summary>
public sealed class TokenTests : IAsyncLifetime
{
    private const string Ada = "/v1/keyspaces/k/entries/users/ada";
    private const string Users = """[{"keyspace":"k","prefix":"users/","allow":["read","write"]}]""";

    private TestIssuer issuer = null!;
    private GatewayFixture gateway = null!;

    public async ValueTask InitializeAsync()
    {
        issuer = await TestIssuer.StartAsync();
        gateway = await GatewayFixture.StartAsync(options =>
        {
            options.Authentication = GatewayAuthentication.Keys;
            options.AuthenticationFailuresPerSecond = 1_000_000;
            options.Jwt = new() { Authority = issuer.Authority, Audience = TestIssuer.Audience };
        });
        gateway.Keys.AddRoot();
    }

    public async ValueTask DisposeAsync()
    {
        await gateway.DisposeAsync();
        await issuer.DisposeAsync();
    }

    [Fact]
    public async Task A_token_reaches_what_its_claim_grants_and_nothing_else()
    {
        var token = Bearer(Token("ada", Users));

        Assert.Equal(201, (await gateway.PutAsync(Ada, "x", token)).Status);
        Assert.Equal("x", (await gateway.GetAsync(Ada, token)).Text);
        Assert.Equal(403, (await gateway.GetAsync("/v1/keyspaces/k/entries/users2/ada", token)).Status);
        Assert.Equal(403, (await gateway.GetAsync("/v1/keyspaces/k/entries", token)).Status);
        Assert.Equal(403, (await gateway.GetAsync("/v1/keys", token)).Status);
        var names = (await gateway.GetAsync("/v1/keyspaces", token)).Json.GetProperty("keyspaces");
        Assert.Equal("k", Assert.Single(names.EnumerateArray()).GetString());
        var reads = Bearer(Token("bob", """[{"keyspace":"*","allow":["read"]}]"""));
        Assert.Equal(200, (await gateway.GetAsync(Ada, reads)).Status);
        Assert.Equal(403, (await gateway.PutAsync(Ada, "y", reads)).Status);
    }

    [Fact]
    public async Task What_is_no_token_of_the_issuer_for_this_service_is_turned_away()
    {
        var good = Token("ada", Users);
        using var foreign = System.Security.Cryptography.RSA.Create(2_048);
        using var stranger = new System.Security.Cryptography.HMACSHA256();
        var parts = good.Split('.');
        var unsigned = Base64UrlEncoder.Encode("""{"alg":"none","typ":"JWT"}""");
        (string Why, string Token)[] wrong =
        [
            ("another audience", Token("ada", Users, token => token.Audience = "another")),
            ("no audience", Token("ada", Users, token => token.Audience = null)),
            ("another issuer", Token("ada", Users, token => token.Issuer = "http://127.0.0.1:1/")),
            ("expired", Token("ada", Users, token => token.Expires = Now.UtcDateTime)),
            ("no end", Token("ada", Users, token => token.Expires = null)),
            ("not in force yet", Token("ada", Users, token => token.NotBefore = Now.UtcDateTime.AddSeconds(1))),
            (
                "another key under the same id",
                Token("ada", Users, token => token.SigningCredentials = Rsa(foreign, "k1"))
            ),
            ("an unknown key", Token("ada", Users, token => token.SigningCredentials = Rsa(foreign, "k2"))),
            (
                "the public key taken for a secret",
                Token("ada", Users, token => token.SigningCredentials = Symmetric(issuer.PublicKey))
            ),
            ("no signature", $"{unsigned}.{parts[1]}."),
            ("a signature of something else", $"{parts[0]}.{parts[1]}.{Token("bob", Users).Split('.')[2]}"),
            ("another payload", $"{parts[0]}.{Token("bob", Users).Split('.')[1]}.{parts[2]}"),
            ("nobody", Token(null, Users)),
            ("no grants", Token("ada", null)),
            ("an empty list", Token("ada", "[]")),
            ("a misspelt member", Token("ada", """[{"keyspace":"k","prefx":"a","allow":["read"]}]""")),
            ("a right that there is not", Token("ada", """[{"keyspace":"k","allow":["all"]}]""")),
            ("no list", Token("ada", "\"*\"")),
            ("dots", ".."),
            ("no JSON", "YQ.YQ.YQ"),
            ("too long", new string('a', 20_000) + ".a.a"),
        ];
        foreach (var (why, token) in wrong)
        {
            var answer = await gateway.PutAsync(Ada, "x", Bearer(token));
            Assert.True(answer.Status is 401 or 431, $"{why}: {answer.Status} {answer.Text}");
        }
        Assert.Equal(404, (await gateway.GetAsync(Ada, Bearer(good))).Status);
    }

    [Fact]
    public async Task Tokens_go_on_being_checked_while_the_issuer_is_down_and_before_it_was_heard_of_it_says_so()
    {
        var token = Bearer(Token("ada", Users));
        await issuer.StopAsync();
        var unheard = await gateway.GetAsync(Ada, token);
        Assert.Equal((503, "unavailable"), (unheard.Status, unheard.Code));
        Assert.Equal(200, (await gateway.GetAsync("/v1/keyspaces", gateway.Keys.AddRoot())).Status);

        await using var second = await TestIssuer.StartAsync();
        await using var other = await GatewayFixture.StartAsync(options =>
        {
            options.Authentication = GatewayAuthentication.Keys;
            options.Jwt = new() { Authority = second.Authority, Audience = TestIssuer.Audience };
        });
        var known = Bearer(second.Token("ada", Users, other.Time.GetUtcNow()));
        Assert.Equal(404, (await other.GetAsync(Ada, known)).Status);
        await second.StopAsync();
        Assert.Equal(404, (await other.GetAsync(Ada, known)).Status);
        other.Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(401, (await other.GetAsync(Ada, known)).Status);
    }

    [Fact]
    public async Task Cursors_are_bound_to_who_shows_the_token_and_the_audit_names_them_without_it()
    {
        await gateway.Client.PutAsync("k", "users/ada", "1");
        await gateway.Client.PutAsync("k", "users/bob", "2");
        var (ada, bob) = (Token("ada", Users), Token("bob\nforged line", Users));
        const string listing = "/v1/keyspaces/k/entries?limit=1&prefix=users/";

        var cursor = (await gateway.GetAsync(listing, Bearer(ada))).Json.GetProperty("cursor").GetString();
        var next = $"/v1/keyspaces/k/entries?cursor={cursor}";

        Assert.Equal(200, (await gateway.GetAsync(next, Bearer(Token("ada", Users)))).Status);
        Assert.Equal("invalid-cursor", (await gateway.GetAsync(next, Bearer(bob))).Code);
        Assert.Equal(403, (await gateway.GetAsync("/v1/keys", Bearer(ada))).Status);
        Assert.Equal(403, (await gateway.GetAsync("/v1/keys", Bearer(bob))).Status);
        await Eventually.Holds(
            () => gateway.Log.Lines.Count(line => line.Message.StartsWith("Refused", StringComparison.Ordinal)) == 2,
            "Both refusals are written down."
        );
        var lines = gateway.Log.Lines.Select(line => line.Message).ToArray();
        Assert.Contains(
            lines,
            line => line.StartsWith("Refused: key jwt:ada, GET /v1/keys,", StringComparison.Ordinal)
        );
        Assert.Contains(lines, line => line.StartsWith("Refused: key jwt:#", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains("forged") || line.Contains(ada.Split('.')[2]));
    }

    [Fact]
    public async Task A_token_whose_grants_have_shrunk_gets_no_further_by_an_old_cursor()
    {
        await gateway.Client.PutAsync("k", "users/ada", "1");
        await gateway.Client.PutAsync("k", "users/bob", "2");
        var page = await gateway.GetAsync(
            "/v1/keyspaces/k/entries?limit=1",
            Bearer(Token("ada", """[{"keyspace":"k","allow":["read"]}]"""))
        );
        var next = $"/v1/keyspaces/k/entries?cursor={page.Json.GetProperty("cursor").GetString()}";

        Assert.Equal(403, (await gateway.GetAsync(next, Bearer(Token("ada", Users)))).Status);
    }

    [Theory]
    [InlineData("http://issuer.example", "a", "exapyte")]
    [InlineData("ftp://issuer.example", "a", "exapyte")]
    [InlineData("https://issuer.example", "", "exapyte")]
    [InlineData("https://issuer.example", "a", " ")]
    public async Task An_issuer_that_cannot_be_trusted_is_refused_at_start(
        string authority,
        string audience,
        string claim
    )
    {
        await Assert.ThrowsAnyAsync<Exception>(() =>
            GatewayFixture.StartAsync(options =>
            {
                options.Authentication = GatewayAuthentication.Keys;
                options.Jwt = new()
                {
                    Authority = new(authority),
                    Audience = audience,
                    Claim = claim,
                };
            })
        );
    }

    private DateTimeOffset Now => gateway.Time.GetUtcNow();

    private string Token(string? subject, string? grants, Action<SecurityTokenDescriptor>? change = null) =>
        issuer.Token(subject, grants, Now, change);

    private static string Bearer(string token) => "Authorization: Bearer " + token;

    private static SigningCredentials Rsa(System.Security.Cryptography.RSA key, string id) =>
        new(new RsaSecurityKey(key) { KeyId = id }, SecurityAlgorithms.RsaSha256);

    private static SigningCredentials Symmetric(byte[] key) =>
        new(new SymmetricSecurityKey(key) { KeyId = "k1" }, SecurityAlgorithms.HmacSha256);
}
