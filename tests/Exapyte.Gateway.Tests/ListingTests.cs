using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Routing;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ListingTests
{
    private const string K = "/v1/keyspaces/k";
    private const string Entries = K + "/entries";

    [Fact]
    public async Task A_page_shows_entries_in_key_order_with_values_as_they_can_be_shown()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(
            Entries + "/c",
            "{\"a\":\r\n [1, \"\\n\"]}",
            "Content-Type: application/json; charset=utf-8"
        );
        await gateway.PutAsync(Entries + "/a", "tæxt \"q\"", "Content-Type: text/plain", "Exapyte-TTL: 60");
        await gateway.SendAsync("PUT", Entries + "/b%FF", [0xff, 0x00]);
        await gateway.PutAsync(Entries + "/d", "{broken", "Content-Type: application/json");
        await gateway.PutAsync(Entries + "/e", "5", "Content-Type: application/x+json");

        var answer = await gateway.GetAsync(Entries);

        Assert.Equal((200, "application/json"), (answer.Status, answer.Header("Content-Type")));
        Assert.StartsWith("level=linearizable;", answer.Header("Exapyte-Served"));
        const string modified = "\"modified\":\"2025-06-15T15:06:40.123Z\"";
        Assert.Equal(
            "{\"entries\":["
                + $"{{\"key\":\"a\",\"version\":\"2\",\"contentType\":\"text/plain\",{modified},"
                + "\"expires\":\"2025-06-15T15:07:40.123Z\",\"bytes\":9,\"value\":\"tæxt \\\"q\\\"\"},"
                + $"{{\"key64\":\"Yv8\",\"version\":\"3\",{modified},\"bytes\":2,\"value64\":\"_wA\"}},"
                + $"{{\"key\":\"c\",\"version\":\"1\",\"contentType\":\"application/json; charset=utf-8\",{modified},"
                + "\"bytes\":18,\"json\":{\"a\":   [1, \"\\n\"]}},"
                + $"{{\"key\":\"d\",\"version\":\"4\",\"contentType\":\"application/json\",{modified},\"bytes\":7,\"value\":\"{{broken\"}},"
                + $"{{\"key\":\"e\",\"version\":\"5\",\"contentType\":\"application/x+json\",{modified},\"bytes\":1,\"json\":5}}"
                + "],\"cursor\":null}",
            answer.Text
        );
    }

    [Theory]
    [InlineData("", "a a/1 a/2 b c")]
    [InlineData("prefix=a", "a a/1 a/2")]
    [InlineData("prefix=a%2F", "a/1 a/2")]
    [InlineData("prefix=a/", "a/1 a/2")]
    [InlineData("prefix64=YS8", "a/1 a/2")]
    [InlineData("start=a/2", "a/2 b c")]
    [InlineData("start64=YS8y&end64=Yw", "a/2 b")]
    [InlineData("end=b", "a a/1 a/2")]
    [InlineData("start=a/1&end=c&prefix=a", "a/1 a/2")]
    [InlineData("reverse=true", "c b a/2 a/1 a")]
    [InlineData("reverse=true&prefix=a&end=a/2", "a/1 a")]
    [InlineData("reverse=false&keysOnly=false", "a a/1 a/2 b c")]
    [InlineData("start=c&end=a", "")]
    [InlineData("prefix=", "a a/1 a/2 b c")]
    [InlineData("&&prefix=b&", "b")]
    [InlineData("consistency=eventual", "a a/1 a/2 b c")]
    public async Task Bounds_prefix_and_direction_choose_the_entries(string query, string keys)
    {
        await using var gateway = await FiveEntriesAsync();

        Assert.Equal(keys, KeysOf(await gateway.GetAsync($"{Entries}?{query}")));
        var lines = await gateway.GetAsync($"{Entries}?{query}", "Accept: application/x-ndjson");
        Assert.Equal(
            keys,
            string.Join(' ', LinesOf(lines).SkipLast(1).Select(line => line.GetProperty("key").GetString()))
        );
    }

    [Theory]
    [InlineData("limit=0", "limit")]
    [InlineData("limit=1001", "limit")]
    [InlineData("limit=-1", "limit")]
    [InlineData("limit=ten", "limit")]
    [InlineData("limit=", "limit")]
    [InlineData("limit=1&limit=2", "limit")]
    [InlineData("reverse", "reverse")]
    [InlineData("reverse=1", "reverse")]
    [InlineData("keysOnly=True", "keysOnly")]
    [InlineData("prefix=a+b", "prefix")]
    [InlineData("prefix=%4", "prefix")]
    [InlineData("prefix=a&prefix64=YQ", "prefix64")]
    [InlineData("start64=a", "start64")]
    [InlineData("end=", "end")]
    [InlineData("after=a", "after")]
    [InlineData("delimiter=", "delimiter")]
    [InlineData("delimiter64=", "delimiter")]
    [InlineData("delimiter=%2F&delimiter64=Lw", "delimiter64")]
    [InlineData("delimiter=a+b", "delimiter")]
    [InlineData("consistency=strong", "consistency")]
    public async Task A_bad_parameter_is_400_and_named(string query, string name)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var answer = await gateway.GetAsync($"{Entries}?{query}");

        Assert.Equal((400, "invalid-query"), (answer.Status, answer.Code));
        Assert.Contains($"'{name}'", answer.Json.GetProperty("detail").GetString()!);
    }

    [Fact]
    public async Task A_bound_longer_than_a_key_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();

        Assert.Equal(200, (await gateway.GetAsync(Entries + "?start=" + Repeat("%41", 1_024))).Status);
        Assert.Equal("invalid-query", (await gateway.GetAsync(Entries + "?start=" + Repeat("%41", 1_025))).Code);
    }

    [Fact]
    public async Task Three_bounds_and_a_cursor_of_full_length_fit_into_a_target()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var long1 = Repeat("%41", 1_023);
        await gateway.PutAsync($"{Entries}/{long1}%42", "x");
        await gateway.PutAsync($"{Entries}/{long1}%43", "x");
        var query = $"{Entries}?prefix={long1}&start={long1}&end={long1}%5A";

        var first = await gateway.GetAsync(query + "&limit=1");
        var second = await gateway.GetAsync($"{query}&cursor={first.Json.GetProperty("cursor").GetString()}");

        Assert.Equal(200, second.Status);
        Assert.EndsWith("C", KeysOf(second));
    }

    [Theory]
    [InlineData("", "a a/1 a/2 b c")]
    [InlineData("&reverse=true", "c b a/2 a/1 a")]
    [InlineData("&prefix=a&start=a/1&end=b", "a/1 a/2")]
    public async Task Cursors_lead_through_all_pages_and_each_entry_appears_once(string query, string keys)
    {
        await using var gateway = await FiveEntriesAsync();
        List<string> seen = [];
        var page = await gateway.GetAsync($"{Entries}?limit=1{query}");
        while (true)
        {
            seen.Add(KeysOf(page));
            if (page.Json.GetProperty("cursor").GetString() is not { } cursor)
            {
                break;
            }
            // With its bounds or without them.
            page = await gateway.GetAsync($"{Entries}?limit=1&cursor={cursor}{(seen.Count % 2 == 0 ? query : "")}");
        }

        Assert.Equal(keys, string.Join(' ', seen));
    }

    [Fact]
    public async Task An_entry_written_or_deleted_behind_the_cursor_does_not_move_it()
    {
        await using var gateway = await FiveEntriesAsync();
        var page = await gateway.GetAsync(Entries + "?limit=2");
        await gateway.SendAsync("DELETE", Entries + "/a/1");
        await gateway.PutAsync(Entries + "/a/0", "new");

        var next = await gateway.GetAsync($"{Entries}?cursor={page.Json.GetProperty("cursor").GetString()}");

        Assert.Equal("a/2 b c", KeysOf(next));
    }

    [Fact]
    public async Task A_cursor_that_was_changed_or_made_elsewhere_is_400()
    {
        await using var gateway = await FiveEntriesAsync();
        await gateway.PutAsync("/v1/keyspaces/other", "{}");
        var cursor = (await gateway.GetAsync(Entries + "?limit=1&prefix=a&end=b"))
            .Json.GetProperty("cursor")
            .GetString()!;
        Assert.Equal(200, (await gateway.GetAsync($"{Entries}?cursor={cursor}")).Status);

        string[] refused =
        [
            $"{Entries}?cursor=",
            $"{Entries}?cursor={cursor}A",
            $"{Entries}?cursor={cursor[..^1]}",
            $"{Entries}?cursor={(cursor[0] == 'A' ? 'B' : 'A')}{cursor[1..]}",
            $"{Entries}?cursor={cursor}&prefix=b",
            $"{Entries}?cursor={cursor}&end=c",
            $"{Entries}?cursor={cursor}&start=a",
            $"{Entries}?cursor={cursor}&reverse=true",
            $"{Entries}?cursor={cursor}&delimiter=/",
            $"/v1/keyspaces/other/entries?cursor={cursor}",
        ];
        foreach (var target in refused)
        {
            var answer = await gateway.GetAsync(target);
            Assert.Equal((400, "invalid-cursor"), (answer.Status, answer.Code));
        }
    }

    [Fact]
    public async Task A_cursor_ends_with_its_keyspace_even_where_the_name_is_used_again()
    {
        await using var gateway = await FiveEntriesAsync();
        var cursor = (await gateway.GetAsync(Entries + "?limit=1")).Json.GetProperty("cursor").GetString();
        await gateway.SendAsync("DELETE", K);
        await gateway.PutAsync(K, "{}");

        var answer = await gateway.GetAsync($"{Entries}?cursor={cursor}");

        Assert.Equal((400, "invalid-cursor"), (answer.Status, answer.Code));
    }

    [Fact]
    public async Task Gateways_of_one_key_take_each_others_cursors_and_others_do_not()
    {
        await using var one = await FiveEntriesAsync(options => options.CursorKey = new byte[32]);
        await using var same = await FiveEntriesAsync(options => options.CursorKey = new byte[32]);
        await using var other = await FiveEntriesAsync();
        var cursor = (await one.GetAsync(Entries + "?limit=1")).Json.GetProperty("cursor").GetString();

        Assert.Equal(200, (await same.GetAsync($"{Entries}?cursor={cursor}")).Status);
        Assert.Equal(400, (await other.GetAsync($"{Entries}?cursor={cursor}")).Status);
    }

    [Fact]
    public async Task Keys_only_leaves_the_values_out_and_keeps_their_length()
    {
        await using var gateway = await FiveEntriesAsync();

        var entry = (await gateway.GetAsync(Entries + "?keysOnly=true&limit=1")).Json.GetProperty("entries")[0];

        Assert.Equal(1, entry.GetProperty("bytes").GetInt32());
        Assert.False(entry.TryGetProperty("value", out _));
    }

    [Fact]
    public async Task A_stream_crosses_pages_and_says_that_it_is_whole()
    {
        await using var gateway = await GatewayFixture.StartAsync(options => options.PageEntriesMax = 100);
        using var connection = await gateway.ConnectAsync();
        for (var i = 0; i < 250; i++)
        {
            await connection.SendAsync(
                "PUT",
                $"{Entries}/{i:000}",
                "{\n}"u8.ToArray(),
                "Content-Type: application/json"
            );
        }

        var whole = await connection.SendAsync("GET", Entries, null, "Accept: text/html, application/x-ndjson;q=0.9");
        Assert.Equal("application/x-ndjson", whole.Header("Content-Type"));
        var lines = LinesOf(whole);
        Assert.Equal(251, lines.Length);
        Assert.Equal("249", lines[249].GetProperty("key").GetString());
        Assert.Equal("""{"cursor":null}""", lines[250].GetRawText());

        var part = LinesOf(
            await connection.SendAsync("GET", Entries + "?limit=120", null, "Accept: application/ndjson")
        );
        Assert.Equal(121, part.Length);
        var cursor = part[120].GetProperty("cursor").GetString();
        var rest = LinesOf(
            await connection.SendAsync("GET", $"{Entries}?cursor={cursor}", null, "Accept: application/x-ndjson")
        );
        Assert.Equal(131, rest.Length);
        Assert.Equal("120", rest[0].GetProperty("key").GetString());
    }

    [Fact]
    public async Task Large_values_come_whole_in_pages_streams_and_batches()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var text = new string('æ', 200_000);
        for (var i = 0; i < 5; i++)
        {
            await gateway.PutAsync($"{Entries}/{i}", text);
        }

        var page = (await gateway.GetAsync(Entries)).Json.GetProperty("entries");
        Assert.Equal(5, page.GetArrayLength());
        Assert.All(page.EnumerateArray(), entry => Assert.Equal(text, entry.GetProperty("value").GetString()));
        var lines = LinesOf(await gateway.GetAsync(Entries, "Accept: application/x-ndjson"));
        Assert.Equal(6, lines.Length);
        Assert.All(lines.SkipLast(1), entry => Assert.Equal(text, entry.GetProperty("value").GetString()));
        var gets = string.Join(',', Enumerable.Range(0, 5).Select(at => $"{{\"op\":\"get\",\"key\":\"{at}\"}}"));
        var batch = await gateway.PostJsonAsync(K + "/batch", $"{{\"items\":[{gets}]}}");
        Assert.Equal(5, batch.Json.GetProperty("items").GetArrayLength());
        Assert.All(
            batch.Json.GetProperty("items").EnumerateArray(),
            item => Assert.Equal(text, item.GetProperty("value").GetString())
        );
    }

    [Fact]
    public async Task A_stream_that_cannot_go_on_ends_with_the_problem_and_where_to_go_on()
    {
        await using var gateway = await FiveEntriesAsync(options =>
        {
            options.PageEntriesMax = 2;
            options.PageEntriesDefault = 2;
        });
        gateway.Client.InterceptScan = (_, query) =>
            query.After is null ? null : new(OutcomeKind.Unavailable, [], false, 0, "Down.", ServedBy.Nothing);

        var lines = LinesOf(await gateway.GetAsync(Entries, "Accept: application/x-ndjson"));

        Assert.Equal(3, lines.Length);
        Assert.Equal("unavailable", lines[2].GetProperty("problem").GetProperty("code").GetString());
        gateway.Client.InterceptScan = null;
        Assert.Equal(
            "a/2 b",
            KeysOf(await gateway.GetAsync($"{Entries}?cursor={lines[2].GetProperty("cursor").GetString()}"))
        );
    }

    [Fact]
    public async Task A_stream_that_breaks_unexpectedly_is_cut_off_and_does_not_look_whole()
    {
        await using var gateway = await FiveEntriesAsync(options =>
        {
            options.PageEntriesMax = 2;
            options.PageEntriesDefault = 2;
        });
        gateway.Client.InterceptScan = (_, query) =>
            query.After is null ? null : throw new InvalidOperationException("Broken.");

        await Assert.ThrowsAnyAsync<IOException>(() => gateway.GetAsync(Entries, "Accept: application/x-ndjson"));

        Assert.Equal(1, gateway.Log.Errors);
    }

    [Theory]
    [InlineData(OutcomeKind.Unavailable, 503)]
    [InlineData(OutcomeKind.Invalid, 422)]
    [InlineData(OutcomeKind.Overloaded, 429)]
    [InlineData(OutcomeKind.DeadlineExceeded, 504)]
    public async Task A_page_that_cannot_be_read_is_a_problem_in_either_form(OutcomeKind kind, int status)
    {
        await using var gateway = await FiveEntriesAsync();
        gateway.Client.InterceptScan = (_, _) => new(kind, [], false, 0, null, ServedBy.Nothing);

        Assert.Equal(status, (await gateway.GetAsync(Entries)).Status);
        var lines = await gateway.GetAsync(Entries, "Accept: application/x-ndjson");
        Assert.Equal((status, "application/problem+json"), (lines.Status, lines.Header("Content-Type")));
    }

    [Theory]
    [InlineData("application/json, application/x-ndjson;q=0.5", "application/json")]
    [InlineData("application/x-ndjson;q=0", "application/json")]
    [InlineData("*/*", "application/json")]
    [InlineData("text/csv", "application/json")]
    [InlineData(";;;", "application/json")]
    [InlineData("application/json;q=0.1, application/x-ndjson", "application/x-ndjson")]
    public async Task The_form_is_what_the_caller_prefers(string accept, string contentType)
    {
        await using var gateway = await FiveEntriesAsync();

        Assert.Equal(contentType, (await gateway.GetAsync(Entries, "Accept: " + accept)).Header("Content-Type"));
    }

    [Fact]
    public async Task The_page_size_has_a_default_and_a_bound_of_its_own()
    {
        await using var gateway = await FiveEntriesAsync(options =>
        {
            options.PageEntriesMax = 4;
            options.PageEntriesDefault = 3;
        });

        Assert.Equal("a a/1 a/2", KeysOf(await gateway.GetAsync(Entries)));
        Assert.Equal("a a/1 a/2 b", KeysOf(await gateway.GetAsync(Entries + "?limit=4")));
        Assert.Equal(400, (await gateway.GetAsync(Entries + "?limit=5")).Status);
    }

    private static async Task<GatewayFixture> FiveEntriesAsync(Action<ExapyteGatewayOptions>? configure = null)
    {
        var gateway = await GatewayFixture.StartAsync(configure);
        using var connection = await gateway.ConnectAsync();
        foreach (var key in new[] { "b", "a", "a/2", "c", "a/1" })
        {
            await connection.SendAsync("PUT", $"{Entries}/{key}", "x"u8.ToArray());
        }
        return gateway;
    }

    private static string KeysOf(RawAnswer answer) =>
        string.Join(
            ' ',
            answer.Json.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("key").GetString())
        );

    private static JsonElement[] LinesOf(RawAnswer answer) =>
        [.. answer.Text.TrimEnd('\n').Split('\n').Select(line => JsonDocument.Parse(line).RootElement)];

    private static string Repeat(string text, int times) => string.Concat(Enumerable.Repeat(text, times));
}
