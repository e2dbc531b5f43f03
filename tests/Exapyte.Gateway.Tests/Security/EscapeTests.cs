using System.Text;
using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Problems;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Security;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Security;
using Xunit;

namespace Exapyte.Gateway.Tests.Security;

/// <summary>Ways out of a prefix, a keyspace or a key that somebody will try.</summary>
public sealed class EscapeTests
{
    [Theory]
    [InlineData("entries/users/ada", 200)]
    [InlineData("entries/users%2Fada", 200)]
    [InlineData("entries/%75sers/ada", 200)]
    [InlineData("entries/users2/ada", 403)]
    [InlineData("entries/users", 403)]
    [InlineData("entries/users%252Fada", 403)]
    [InlineData("entries/Users/ada", 403)]
    [InlineData("entries/%20users/ada", 403)]
    [InlineData("entries//users/ada", 403)]
    [InlineData("entries/%2Fusers/ada", 403)]
    [InlineData("entries/users%00/ada", 400)]
    [InlineData("entries/", 400)]
    [InlineData("entries/users/../orders/1", 400)]
    [InlineData("entries/users/%2e%2e/orders/1", 400)]
    [InlineData("entries/users/..%2Forders/1", 400)]
    [InlineData("entries/./users/ada", 400)]
    [InlineData("../other/entries/users/ada", 400)]
    public async Task A_key_with_a_prefix_stays_inside_of_it(string path, int status)
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read));

        Assert.Equal(status, (await gateway.GetAsync("/v1/keyspaces/shop/" + path, key)).Status);
    }

    [Theory]
    [InlineData("users/ada", 200)]
    [InlineData("users2/ada", 403)]
    [InlineData("orders/1", 403)]
    public async Task Keys_in_base64url_are_judged_by_their_bytes(string key, int status)
    {
        await using var gateway = await StartAsync();
        var shown = gateway.Keys.Add(Users(KeyRights.Read));
        var target = "/v1/keyspaces/shop/entries64/" + Base64Text.Encode(Encoding.UTF8.GetBytes(key));

        Assert.Equal(status, (await gateway.GetAsync(target, shown)).Status);
        Assert.Equal(status, (await gateway.GetAsync(target.TrimEnd('=') + "", shown)).Status);
    }

    [Theory]
    [InlineData("/v1/keyspaces/other/entries/users/ada", 403)]
    [InlineData("http://localhost/v1/keyspaces/other/entries/users/ada", 403)]
    [InlineData("http://localhost/v1/keyspaces/shop/entries/users/ada", 200)]
    [InlineData("/v1/keyspaces/Shop/entries/users/ada", 400)]
    [InlineData("/v1/keyspaces/sho%70/entries/users/ada", 400)]
    [InlineData("/v1/keyspaces/shop2/entries/users/ada", 403)]
    [InlineData("/V1/keyspaces/shop/entries/users/ada", 404)]
    [InlineData("//v1/keyspaces/shop/entries/users/ada", 404)]
    [InlineData("/v1/keyspaces/nowhere", 403)]
    public async Task A_key_stays_in_its_keyspace_and_learns_of_no_other(string target, int status)
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read));

        Assert.Equal(status, (await gateway.GetAsync(target, key)).Status);
    }

    [Fact]
    public async Task What_a_key_cannot_see_is_in_no_list_and_no_count()
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read));

        var names = (await gateway.GetAsync("/v1/keyspaces", key)).Json.GetProperty("keyspaces");
        Assert.Equal("shop", Assert.Single(names.EnumerateArray()).GetString());
        Assert.Equal(1, (await gateway.GetAsync("/v1/cluster", key)).Json.GetProperty("keyspaces").GetInt32());
        Assert.Equal(403, (await gateway.GetAsync("/v1/keyspaces/shop/shards", key)).Status);
    }

    [Theory]
    [InlineData("prefix=users/", 200)]
    [InlineData("prefix=users%2Fa", 200)]
    [InlineData("prefix64=dXNlcnMv", 200)]
    [InlineData("", 403)]
    [InlineData("prefix=users", 403)]
    [InlineData("prefix=", 403)]
    [InlineData("prefix=users2", 403)]
    [InlineData("prefix64=dXNlcnM", 403)]
    [InlineData("start=users/&end=users0", 403)]
    [InlineData("prefix=users/&start=a", 200)]
    public async Task A_listing_must_name_a_prefix_inside(string query, int status)
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read));

        foreach (var accept in new[] { "Accept: application/json", "Accept: application/x-ndjson" })
        {
            var answer = await gateway.GetAsync("/v1/keyspaces/shop/entries?" + query, key, accept);
            Assert.Equal(status, answer.Status);
            Assert.DoesNotContain("orders", answer.Text);
        }
    }

    [Fact]
    public async Task A_cursor_is_good_for_the_key_that_got_it_alone()
    {
        await using var gateway = await StartAsync();
        await gateway.Client.PutAsync("shop", "users/bob", "Bob");
        var mine = gateway.Keys.Add(InMemoryKeys.Grant("shop", KeyRights.Read));
        var other = gateway.Keys.Add(InMemoryKeys.Grant("shop", KeyRights.Read));
        var narrow = gateway.Keys.Add(Users(KeyRights.Read));

        var page = await gateway.GetAsync("/v1/keyspaces/shop/entries?limit=1", mine);
        var cursor = page.Json.GetProperty("cursor").GetString();
        var target = $"/v1/keyspaces/shop/entries?cursor={cursor}";

        Assert.Equal(200, (await gateway.GetAsync(target, mine)).Status);
        Assert.Equal("invalid-cursor", (await gateway.GetAsync(target, other)).Code);
        Assert.Equal("invalid-cursor", (await gateway.GetAsync(target, narrow)).Code);
    }

    [Theory]
    [InlineData("""{"where":"key.startsWith('users/')"}""", 200)]
    [InlineData("""{"where":"key.startsWith('users/a') && doc.age > 3"}""", 200)]
    [InlineData("""{"where":"key == 'users/ada'"}""", 200)]
    [InlineData("""{"where":"key >= 'users/a' && key < 'users/z'"}""", 200)]
    [InlineData("""{"where":"key >= 'users/' && key < 'users0'"}""", 200)]
    [InlineData("""{"where":"key.startsWith(@p)","params":{"p":"users/"}}""", 200)]
    [InlineData("""{"where":"key == 'users/ada' && key == 'orders/1'"}""", 200)]
    [InlineData("""{}""", 403)]
    [InlineData("""{"where":"key.startsWith('users')"}""", 403)]
    [InlineData("""{"where":"key.startsWith('users2')"}""", 403)]
    [InlineData("""{"where":"key == 'users'"}""", 403)]
    [InlineData("""{"where":"key == 'orders/1'"}""", 403)]
    [InlineData("""{"where":"key.startsWith('users/') || key == 'orders/1'"}""", 403)]
    [InlineData("""{"where":"!(key.startsWith('users/'))"}""", 403)]
    [InlineData("""{"where":"key in ['users/ada', 'orders/1']"}""", 403)]
    [InlineData("""{"where":"key in ['users/ada']"}""", 403)]
    [InlineData("""{"where":"key >= 'users/'"}""", 403)]
    [InlineData("""{"where":"key < 'users0'"}""", 403)]
    [InlineData("""{"where":"key >= 'users/' && key < 'users1'"}""", 403)]
    [InlineData("""{"where":"key >= 'users' && key < 'users0'"}""", 403)]
    [InlineData("""{"where":"key.startsWith('Users/')"}""", 403)]
    [InlineData("""{"where":"lower(key).startsWith('users/')"}""", 403)]
    [InlineData("""{"where":"key.startsWith(@p)","params":{"p":""}}""", 403)]
    [InlineData("""{"where":"true ? key.startsWith('users/') : true"}""", 403)]
    [InlineData("""{"select":{"k":"key"},"orderBy":[{"by":"key"}]}""", 403)]
    [InlineData("""{"aggregate":{"n":"count()"}}""", 403)]
    [InlineData("""{"where":"key.startsWith('users/')","aggregate":{"n":"count()"}}""", 200)]
    public async Task A_query_must_look_at_keys_inside_alone(string query, int status)
    {
        await using var gateway = await StartAsync();
        await gateway.Client.PutAsync("shop", "users2/eve", "Eve");
        var key = gateway.Keys.Add(Users(KeyRights.Read));

        var answer = await gateway.PostJsonAsync("/v1/keyspaces/shop/query", query, key);
        var explained = await gateway.PostJsonAsync("/v1/keyspaces/shop/query/explain", query, key);

        Assert.Equal((status, status), (answer.Status, explained.Status));
        Assert.DoesNotContain("orders/1", answer.Text);
        Assert.DoesNotContain("eve", answer.Text, StringComparison.OrdinalIgnoreCase);
        if (status == 200)
        {
            Assert.InRange(answer.Json.GetProperty("examined").GetInt32(), 0, 1);
            Assert.Equal(JsonValueKind.Null, explained.Json.GetProperty("estimate").ValueKind);
        }
    }

    [Fact]
    public void A_prefix_that_ends_with_the_greatest_byte_is_no_way_out_of_it_either()
    {
        var caller = new Caller(
            "k",
            [
                new()
                {
                    Keyspace = "k",
                    Allow = KeyRights.Read,
                    Prefix = new byte[] { 1, 255 },
                },
            ]
        );
        Problem? Between(byte[] start, byte[]? end) =>
            caller.RefuseBetween(KeyRights.Read, "k", start, end is null ? null : (ReadOnlyMemory<byte>?)end);

        Assert.Null(Between([1, 255], [2]));
        Assert.Null(Between([1, 255, 3], [1, 255, 4]));
        Assert.NotNull(Between([1, 255], [2, 0]));
        Assert.NotNull(Between([1, 255], [3]));
        Assert.NotNull(Between([1, 255], null));
        Assert.NotNull(Between([1, 254], [2]));
        var last = new Caller(
            "k",
            [
                new()
                {
                    Keyspace = "k",
                    Allow = KeyRights.Read,
                    Prefix = new byte[] { 255 },
                },
            ]
        );
        Assert.Null(last.RefuseBetween(KeyRights.Read, "k", [255], null));
        Assert.NotNull(last.RefuseBetween(KeyRights.Read, "k", [254], null));
    }

    [Fact]
    public async Task A_cursor_of_a_query_is_good_for_the_key_that_got_it_alone()
    {
        await using var gateway = await StartAsync();
        await gateway.Client.PutAsync("shop", "users/bob", "Bob");
        var (mine, other) = (gateway.Keys.Add(Users(KeyRights.Read)), gateway.Keys.Add(Users(KeyRights.Read)));
        const string inside = "\"limit\":1,\"where\":\"key.startsWith('users/')\"";

        var page = await gateway.PostJsonAsync("/v1/keyspaces/shop/query", $"{{{inside}}}", mine);
        var next = $$"""{{{inside}},"cursor":"{{page.Json.GetProperty("cursor").GetString()}}"}""";

        Assert.Equal(200, (await gateway.PostJsonAsync("/v1/keyspaces/shop/query", next, mine)).Status);
        Assert.Equal("invalid-cursor", (await gateway.PostJsonAsync("/v1/keyspaces/shop/query", next, other)).Code);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task One_item_outside_of_the_grants_keeps_the_whole_batch_from_being_done(bool atomic)
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read | KeyRights.Write));
        string[] outside =
        [
            """{"op":"get","key":"orders/1"}""",
            """{"op":"head","key":"users2/x"}""",
            """{"op":"delete","key64":"b3JkZXJzLzE"}""",
            """{"op":"put","key":"users","value":"x"}""",
        ];
        foreach (var item in outside)
        {
            var answer = await gateway.PostJsonAsync(
                "/v1/keyspaces/shop/batch",
                $$"""{"atomic":{{(atomic ? "true" : "false")}},"items":[{"op":"put","key":"users/new","value":"x"},{{item}}]}""",
                key
            );
            Assert.Equal(403, answer.Status);
            Assert.Equal(1, answer.Json.GetProperty("item").GetInt32());
            Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/shop/entries/users/new", key)).Status);
        }
    }

    [Fact]
    public async Task A_batch_takes_for_each_item_the_right_that_the_item_needs()
    {
        await using var gateway = await StartAsync();
        var reads = gateway.Keys.Add(Users(KeyRights.Read));
        var writes = gateway.Keys.Add(Users(KeyRights.Write));
        const string get = """{"items":[{"op":"get","key":"users/ada"}]}""";
        const string put = """{"items":[{"op":"put","key":"users/ada","value":"x"}]}""";

        Assert.Equal(200, (await gateway.PostJsonAsync("/v1/keyspaces/shop/batch", get, reads)).Status);
        Assert.Equal(403, (await gateway.PostJsonAsync("/v1/keyspaces/shop/batch", put, reads)).Status);
        Assert.Equal(403, (await gateway.PostJsonAsync("/v1/keyspaces/shop/batch", get, writes)).Status);
        Assert.Equal(200, (await gateway.PostJsonAsync("/v1/keyspaces/shop/batch", put, writes)).Status);
    }

    [Fact]
    public async Task An_import_ends_at_the_first_line_outside()
    {
        await using var gateway = await StartAsync();
        var key = gateway.Keys.Add(Users(KeyRights.Read | KeyRights.Write));
        var lines = """
            {"key":"users/a","value":"1"}
            {"key":"orders/1","value":"stolen"}
            {"key":"users/b","value":"2"}
            """;
        var answer = await gateway.SendAsync(
            "POST",
            "/v1/keyspaces/shop/import",
            Encoding.UTF8.GetBytes(lines),
            key,
            "Content-Type: application/x-ndjson"
        );

        Assert.Equal(403, answer.Status);
        Assert.Equal(2, answer.Json.GetProperty("line").GetInt32());
        Assert.Equal(1, answer.Json.GetProperty("import").GetProperty("imported").GetInt32());
        Assert.Equal("1", (await gateway.GetAsync("/v1/keyspaces/shop/entries/users/a", key)).Text);
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/shop/entries/users/b", key)).Status);
        var order = await gateway.Client.GetAsync("shop", "orders/1");
        Assert.Equal("1", Encoding.UTF8.GetString(order.Outcome.Value.Span));
    }

    [Fact]
    public async Task An_archive_of_another_keyspace_goes_into_ones_own_or_nowhere()
    {
        await using var gateway = await StartAsync();
        var root = gateway.Keys.AddRoot();
        var key = gateway.Keys.Add(InMemoryKeys.Grant("mine", KeyRights.Admin));
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/other/backups", null, root)).Body;
        string[] headers = [key, "Content-Type: application/vnd.exapyte.backup"];

        Assert.Equal(403, (await gateway.SendAsync("POST", "/v1/restores", archive, headers)).Status);
        Assert.Equal(403, (await gateway.SendAsync("POST", "/v1/restores?keyspace=other", archive, headers)).Status);
        Assert.Equal(403, (await gateway.SendAsync("POST", "/v1/restores?keyspace=shop", archive, headers)).Status);
        Assert.Equal(201, (await gateway.SendAsync("POST", "/v1/restores?keyspace=mine", archive, headers)).Status);
    }

    [Theory]
    [InlineData("X-HTTP-Method-Override: GET")]
    [InlineData("X-Original-URL: /livez")]
    [InlineData("X-Rewrite-URL: /livez")]
    [InlineData("X-Forwarded-For: 127.0.0.1")]
    [InlineData("Forwarded: for=127.0.0.1")]
    [InlineData("Cookie: Authorization=root")]
    public async Task Headers_that_other_servers_believe_are_not_believed(string header)
    {
        await using var gateway = await StartAsync();
        var reads = gateway.Keys.Add(Users(KeyRights.Read));

        Assert.Equal(401, (await gateway.GetAsync("/v1/keyspaces/shop/entries/users/ada", header)).Status);
        Assert.Equal(403, (await gateway.PutAsync("/v1/keyspaces/shop/entries/users/ada", "x", reads, header)).Status);
    }

    [Theory]
    [InlineData("Authorization : Bearer {0}\r\n")]
    [InlineData("X: y\r\n Authorization: Bearer {0}\r\n")]
    [InlineData("Content-Length: 3\r\nTransfer-Encoding: chunked\r\nAuthorization: Bearer {0}\r\n")]
    [InlineData("Content-Length: 3\r\nContent-Length: 4\r\nAuthorization: Bearer {0}\r\n")]
    [InlineData("Authorization: Bearer {0}\r\nauthorization: Bearer x\r\n")]
    public async Task What_two_servers_could_read_in_two_ways_is_refused(string headers)
    {
        await using var gateway = await StartAsync();
        var token = gateway.Keys.AddRoot()["Authorization: Bearer ".Length..];
        using var connection = await gateway.ConnectAsync();
        await connection.WriteAsync(
            $"PUT /v1/keyspaces/shop/entries/users/ada HTTP/1.1\r\nHost: localhost\r\n{headers.Replace("{0}", token)}\r\n0\r\n\r\n"
        );

        Assert.InRange((await connection.ReadAnswerAsync()).Status, 400, 401);
        var entry = await gateway.Client.GetAsync("shop", "users/ada");
        Assert.Equal("Ada", Encoding.UTF8.GetString(entry.Outcome.Value.Span));
    }

    [Fact]
    public async Task Who_was_passed_on_by_a_proxy_is_not_taken_for_a_caller_on_this_machine()
    {
        await using var gateway = await StartAsync();
        foreach (var target in new[] { "/", "/readyz", "/docs", "/openapi/v1.json" })
        {
            Assert.Equal(200, (await gateway.GetAsync(target)).Status);
            Assert.Equal(401, (await gateway.GetAsync(target, "X-Forwarded-For: 203.0.113.9")).Status);
            Assert.Equal(200, (await gateway.GetAsync(target, "Via: 1.1 x", gateway.Keys.AddRoot())).Status);
        }
        Assert.Equal(200, (await gateway.GetAsync("/livez", "X-Forwarded-For: 203.0.113.9")).Status);
    }

    /// <summary>By what is done, not by a clock: a test that compared times would judge the machine.</summary>
    [Fact]
    public void An_unknown_id_is_hashed_and_compared_like_a_wrong_secret()
    {
        var keys = new InMemoryKeys();
        var id = InMemoryKeys.IdIn(keys.AddRoot());
        var table = KeyTable.Of(keys.Ring, null, TimeProvider.System);

        var (known, unknown) = (table.ComparedWith(id), table.ComparedWith(KeySecret.CreateId()));

        Assert.Equal(known.SecretHash.Length, unknown.SecretHash.Length);
        Assert.NotEqual(known.SecretHash, unknown.SecretHash);
        Assert.Same(unknown, table.ComparedWith(""));
        Assert.Null(table.Find($"{id}.{KeySecret.Create()}"));
        Assert.Null(table.Find($"{KeySecret.CreateId()}.{KeySecret.Create()}"));
    }

    private static KeyGrant Users(KeyRights rights) => InMemoryKeys.Grant("shop", rights, "users/");

    private static async Task<GatewayFixture> StartAsync()
    {
        var gateway = await GatewayFixture.StartAsync(options => options.Authentication = GatewayAuthentication.Keys);
        gateway.Keys.Add();
        foreach (var keyspace in new[] { "shop", "other" })
        {
            await gateway.Client.PutKeyspaceAsync(keyspace, new() { Shards = 1 });
            await gateway.Client.PutAsync(keyspace, "users/ada", "Ada");
            await gateway.Client.PutAsync(keyspace, "orders/1", "1");
        }
        return gateway;
    }
}
