using Exapyte.Gateway.Security;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Security;
using Exapyte.Testing.Clusters;
using Xunit;

namespace Exapyte.Gateway.Tests.Security;

public sealed class KeyTests
{
    [Fact]
    public async Task A_key_is_made_shown_used_and_revoked()
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        var made = await gateway.PostJsonAsync(
            "/v1/keys",
            """
            {"name":"shop","expires":"2030-01-31T12:00:00Z","requestsPerSecond":100,
             "grants":[{"keyspace":"k","prefix":"users/","allow":["read","write","admin"]},{"keyspace":"*","prefix64":"_w","allow":["read"]}]}
            """,
            root
        );
        var (id, secret) = (made.Json.GetProperty("id").GetString(), made.Json.GetProperty("secret").GetString());
        Assert.Equal(201, made.Status);
        Assert.Equal("/v1/keys/" + id, made.Header("Location"));
        Assert.Equal("no-store", made.Header("Cache-Control"));

        var shown = (await gateway.GetAsync("/v1/keys/" + id, root)).Text;
        Assert.Equal(
            """{"id":"ID","name":"shop","created":"2025-06-15T15:06:40.123Z","expires":"2030-01-31T12:00:00.000Z","requestsPerSecond":100,"grants":[{"keyspace":"k","prefix":"users/","allow":["read","write","admin"]},{"keyspace":"*","prefix64":"_w","allow":["read"]}]}""".Replace(
                "ID",
                id
            ),
            shown
        );
        Assert.Contains(shown, (await gateway.GetAsync("/v1/keys", root)).Text);
        Assert.DoesNotContain(secret!, (await gateway.GetAsync("/v1/keys", root)).Text);

        var header = $"Authorization: bearer {id}.{secret}";
        Assert.Equal(201, (await gateway.PutAsync("/v1/keyspaces/k/entries/users/ada", "x", header)).Status);
        Assert.Equal(204, (await gateway.SendAsync("DELETE", "/v1/keys/" + id, null, root)).Status);
        Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces/k/entries/users/ada", header)).Status);
        Assert.Equal("no-such-key", (await gateway.GetAsync("/v1/keys/" + id, root)).Code);
        Assert.Equal("no-such-key", (await gateway.SendAsync("DELETE", "/v1/keys/" + id, null, root)).Code);
    }

    [Theory]
    [InlineData("[]", "JSON object")]
    [InlineData("{}", "name")]
    [InlineData("""{"name":"n"}""", "grants")]
    [InlineData("""{"name":"n","grants":[]}""", "grants")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"*","allow":[]}]}""", "allow")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"*","allow":["all"]}]}""", "allow")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"**","allow":["read"]}]}""", "keyspace")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"Shop","allow":["read"]}]}""", "keyspace")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"k","prefx":"a","allow":["read"]}]}""", "prefx")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"k","prefix":null,"allow":["read"]}]}""", "prefix")]
    [InlineData("""{"name":"n","grants":[{"keyspace":"k","prefix":"a","prefix64":"YQ","allow":["read"]}]}""", "both")]
    [InlineData(
        """{"name":"n","expires":"2020-01-01T00:00:00Z","grants":[{"keyspace":"k","allow":["read"]}]}""",
        "future"
    )]
    [InlineData("""{"name":"n","expires":"soon","grants":[{"keyspace":"k","allow":["read"]}]}""", "RFC 3339")]
    [InlineData(
        """{"name":"n","requestsPerSecond":0,"grants":[{"keyspace":"k","allow":["read"]}]}""",
        "requestsPerSecond"
    )]
    [InlineData("""{"name":"n","owner":"me","grants":[{"keyspace":"k","allow":["read"]}]}""", "owner")]
    public async Task A_key_that_is_not_understood_whole_is_not_made(string body, string reason)
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        var before = gateway.Keys.Ring.Epoch;

        var answer = await gateway.PostJsonAsync("/v1/keys", body, root);

        Assert.Equal((400, "invalid-api-key"), (answer.Status, answer.Code));
        Assert.Contains(reason, answer.Json.GetProperty("detail").GetString());
        Assert.Equal(before, gateway.Keys.Ring.Epoch);
    }

    [Fact]
    public async Task While_the_control_plane_is_down_keys_go_on_being_checked_and_are_not_changed()
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        gateway.Keys.IsDown = true;

        Assert.Equal(201, (await gateway.PutAsync("/v1/keyspaces/k/entries/a", "x", root)).Status);
        Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Status);
        Assert.Equal(503, (await gateway.GetAsync("/v1/keys", root)).Status);
        var answer = await gateway.SendAsync("DELETE", "/v1/keys/" + InMemoryKeys.IdIn(root), null, root);
        Assert.Equal(503, answer.Status);
        Assert.True(answer.Json.GetProperty("inDoubt").GetBoolean());
    }

    [Fact]
    public async Task A_revocation_names_the_nodes_that_have_not_confirmed_it()
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        var other = gateway.Keys.AddRoot();
        gateway.Keys.Unconfirmed = ["n3"];

        var answer = await gateway.SendAsync("DELETE", "/v1/keys/" + InMemoryKeys.IdIn(other), null, root);

        Assert.Equal(202, answer.Status);
        Assert.Equal("""{"unconfirmed":["n3"]}""", answer.Text);
    }

    [Fact]
    public async Task Before_any_key_is_known_nobody_is_let_in()
    {
        await using var gateway = await StartAsync();

        Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces")).Status);
        Assert.Equal(503, (await gateway.GetAsync("/v1/keyspaces", "Authorization: Bearer a.b")).Status);
    }

    [Fact]
    public async Task A_key_ends_when_it_expires()
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.AddBounded(
            gateway.Time.GetUtcNow().ToUnixTimeMilliseconds() + 1_000,
            0,
            InMemoryKeys.Grant("k", KeyRights.Read)
        );

        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
        gateway.Time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
    }

    [Fact]
    public async Task A_key_is_used_so_often_a_second_and_not_more()
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.AddBounded(0, 5, InMemoryKeys.Grant("k", KeyRights.Read));
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
        }
        var answer = await gateway.GetAsync("/v1/keyspaces/k/entries/a", key);
        Assert.Equal((429, "rate-exceeded", "1"), (answer.Status, answer.Code, answer.Header("Retry-After")));

        // A change of other keys does not forget what this one has used.
        gateway.Keys.AddRoot();
        Assert.Equal(429, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
        gateway.Time.Advance(TimeSpan.FromMilliseconds(200));
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
        Assert.Equal(429, (await gateway.GetAsync("/v1/keyspaces/k/entries/a", key)).Status);
    }

    [Fact]
    public async Task A_key_that_is_used_too_often_is_written_down_and_what_has_no_line_of_its_own_is_counted()
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.AddBounded(0, 1, InMemoryKeys.Grant("k", KeyRights.Read));
        using var connection = await gateway.ConnectAsync();
        Assert.Equal(404, (await connection.SendAsync("GET", "/v1/keyspaces/k/entries/a", null, [key])).Status);
        for (var i = 0; i < 30; i++)
        {
            Assert.Equal(429, (await connection.SendAsync("GET", "/v1/keyspaces/k/entries/a", null, [key])).Status);
        }
        string[] Lines() =>
            [
                .. gateway
                    .Log.Lines.Select(line => line.Message)
                    .Where(line => line.StartsWith("Refused", StringComparison.Ordinal)),
            ];
        Assert.Equal(10, Lines().Length);
        Assert.All(
            Lines(),
            line =>
                Assert.Equal(
                    $"Refused: key {InMemoryKeys.IdIn(key)}, GET /v1/keyspaces/{{keyspace}}/entries/{{key}}, keyspace k, from 127.0.0.1, status 429, 0 more before it",
                    line
                )
        );

        gateway.Time.Advance(TimeSpan.FromSeconds(1));
        await connection.SendAsync("GET", "/v1/keyspaces/k/entries/a", null, [key]);
        await connection.SendAsync("GET", "/v1/keyspaces/k/entries/a", null, [key]);
        Assert.EndsWith("status 429, 20 more before it", Lines()[^1]);
    }

    [Fact]
    public async Task An_address_that_fails_often_waits_while_who_has_a_key_does_not()
    {
        await using var gateway = await StartAsync(failuresPerSecond: 1);
        var root = gateway.Keys.AddRoot();
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces")).Status);
        }
        var late = gateway.GetAsync("/v1/keyspaces");

        Assert.Equal(200, (await gateway.GetAsync("/v1/keyspaces", root)).Status);
        Assert.False(late.IsCompleted);
        while (!late.IsCompleted)
        {
            gateway.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
        Assert.Equal(401, (await late).Status);
    }

    [Fact]
    public void Failures_that_wait_are_bounded_and_counted_for_the_next_line()
    {
        var limiter = new FailureLimiter(1, TimeProvider.System);
        var outcomes = new List<FailureOutcome>();
        for (var i = 0; i < 1_000; i++)
        {
            outcomes.Add(limiter.Note(System.Net.IPAddress.Loopback, out _));
        }
        Assert.InRange(outcomes.Count(outcome => outcome == FailureOutcome.Now), 10, 12);
        Assert.Equal(512, outcomes.Count(outcome => outcome == FailureOutcome.Later));
        Assert.Equal(FailureOutcome.Shed, outcomes[^1]);
        Assert.Equal(FailureOutcome.Now, limiter.Note(System.Net.IPAddress.Parse("2001:db8::1"), out _));
    }

    [Fact]
    public async Task Each_refusal_and_each_administrative_act_is_one_line_without_a_secret()
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        var reads = gateway.Keys.Add(InMemoryKeys.Grant("k", KeyRights.Read));
        var id = InMemoryKeys.IdIn(root);

        await gateway.GetAsync("/v1/keyspaces/k/entries/a-private-name", "Authorization: Bearer kx.wrong-secret");
        await gateway.PutAsync("/v1/keyspaces/k/entries/a-private-name", "a-private-value", reads);
        await gateway.PutAsync("/v1/keyspaces/new", "{}", root);
        var made = await gateway.PostJsonAsync(
            "/v1/keys",
            """{"name":"n","grants":[{"keyspace":"k","allow":["read"]}]}""",
            root
        );

        await Eventually.Holds(
            () => gateway.Log.Lines.Any(line => line.Message.Contains("POST /v1/keys")),
            "The act is written down, once its answer has been sent."
        );
        var lines = gateway.Log.Lines.Select(line => line.Message).ToArray();
        Assert.Contains(
            "Refused: key -, GET /v1/keyspaces/{keyspace}/entries/{key}, keyspace k, from 127.0.0.1, status 401, 0 more before it",
            lines
        );
        Assert.Contains(
            $"Refused: key {InMemoryKeys.IdIn(reads)}, PUT /v1/keyspaces/{{keyspace}}/entries/{{key}}, keyspace k, from 127.0.0.1, status 403, 0 more before it",
            lines
        );
        Assert.Contains(
            $"Administrative: key {id}, PUT /v1/keyspaces/{{keyspace}}, keyspace new, from 127.0.0.1, status 201",
            lines
        );
        Assert.Contains($"Administrative: key {id}, POST /v1/keys, keyspace -, from 127.0.0.1, status 201", lines);
        string[] secrets =
        [
            root.Split('.')[1],
            reads.Split('.')[1],
            made.Json.GetProperty("secret").GetString()!,
            "wrong-secret",
            "a-private-value",
        ];
        Assert.All(secrets, secret => Assert.DoesNotContain(lines, line => line.Contains(secret)));
        Assert.DoesNotContain(
            lines.Where(line => line.StartsWith("Refused", StringComparison.Ordinal)),
            line => line.Contains("a-private-name")
        );
    }

    private static Task<GatewayFixture> StartAsync(double failuresPerSecond = 1_000_000) =>
        GatewayFixture.StartAsync(options =>
        {
            options.Authentication = GatewayAuthentication.Keys;
            options.AuthenticationFailuresPerSecond = failuresPerSecond;
        });
}
