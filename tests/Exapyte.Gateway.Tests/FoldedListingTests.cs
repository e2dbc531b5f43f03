using System.Text.Json;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

/// <summary>Listings with <c>delimiter</c>: entries and common prefixes as a folder has files and folders.</summary>
public sealed class FoldedListingTests
{
    private const string Entries = "/v1/keyspaces/k/entries";

    [Theory]
    [InlineData("delimiter=/", "a b", "b/ c/")]
    [InlineData("delimiter=%2F&reverse=true", "b a", "c/ b/")]
    [InlineData("delimiter64=Lw", "a b", "b/ c/")]
    [InlineData("delimiter=/&prefix=b/", "b/1 b/2", "b/x/")]
    [InlineData("delimiter=/&prefix=b/x/", "b/x/1", "")]
    [InlineData("delimiter=/&start=b/2&end=c", "", "b/")]
    [InlineData("delimiter=/&prefix=b", "b", "b/")]
    [InlineData("delimiter=/x", "a b b/1 b/2 c/1", "b/x")]
    public async Task Keys_that_hold_the_delimiter_behind_the_prefix_become_one_common_prefix_each(
        string query,
        string keys,
        string prefixes
    )
    {
        await using var gateway = await SixEntriesAsync();
        var answer = await gateway.GetAsync($"{Entries}?{query}");
        var lines = (await gateway.GetAsync($"{Entries}?{query}", "Accept: application/x-ndjson"))
            .Text.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .SkipLast(1)
            .Select(line => JsonDocument.Parse(line).RootElement)
            .ToList();

        Assert.Equal((keys, prefixes), (KeysOf(answer.Json), PrefixesOf(answer.Json)));
        Assert.Equal(keys, string.Join(' ', lines.Where(IsEntry).Select(line => line.GetProperty("key").GetString())));
        Assert.Equal(
            prefixes,
            string.Join(' ', lines.Where(line => !IsEntry(line)).Select(line => line.GetProperty("prefix").GetString()))
        );
    }

    [Theory]
    [InlineData("", "a b b/ c/")]
    [InlineData("&reverse=true", "c/ b/ b a")]
    [InlineData("&prefix=b/", "b/1 b/2 b/x/")]
    public async Task Entries_and_common_prefixes_count_alike_and_each_appears_once_over_all_pages(
        string query,
        string all
    )
    {
        await using var gateway = await SixEntriesAsync();
        List<string> seen = [];
        var page = (await gateway.GetAsync($"{Entries}?delimiter=/&limit=1{query}")).Json;
        while (true)
        {
            seen.Add((KeysOf(page) + PrefixesOf(page)).Trim());
            if (page.GetProperty("cursor").GetString() is not { } cursor)
            {
                break;
            }
            // With its bounds or without them.
            var bounds = seen.Count % 2 == 0 ? query + "&delimiter=/" : "";
            page = (await gateway.GetAsync($"{Entries}?limit=1&cursor={cursor}{bounds}")).Json;
        }

        Assert.Equal(all, string.Join(' ', seen));
    }

    [Fact]
    public async Task A_stream_gives_entries_and_common_prefixes_in_key_order_and_ends_at_its_limit()
    {
        await using var gateway = await SixEntriesAsync(options =>
        {
            options.PageEntriesMax = 2;
            options.PageEntriesDefault = 2;
        });

        var whole = await gateway.GetAsync($"{Entries}?delimiter=/&keysOnly=true", "Accept: application/x-ndjson");
        var part = await gateway.GetAsync($"{Entries}?delimiter=/&limit=3", "Accept: application/x-ndjson");

        var lines = whole.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.StartsWith("{\"key\":\"a\"", lines[0], StringComparison.Ordinal);
        Assert.StartsWith("{\"key\":\"b\"", lines[1], StringComparison.Ordinal);
        Assert.Equal(["{\"prefix\":\"b/\"}", "{\"prefix\":\"c/\"}", "{\"cursor\":null}"], lines[2..]);
        Assert.Equal(4, part.Text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.DoesNotContain("\"cursor\":null", part.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_common_prefix_that_is_no_text_is_shown_by_its_bytes_and_a_page_without_delimiter_has_none()
    {
        await using var gateway = await SixEntriesAsync();
        await gateway.PutAsync(Entries + "/%FF/1", "x");

        var folded = (await gateway.GetAsync(Entries + "?delimiter=/")).Json;
        var lines = await gateway.GetAsync(Entries + "?delimiter=/&start=d", "Accept: application/x-ndjson");
        var plain = (await gateway.GetAsync(Entries)).Json;

        Assert.Equal("b/ c/", PrefixesOf(folded));
        Assert.Equal("_y8", folded.GetProperty("prefixes64")[0].GetString());
        Assert.StartsWith("{\"prefix64\":\"_y8\"}", lines.Text, StringComparison.Ordinal);
        Assert.False(plain.TryGetProperty("prefixes", out _));
    }

    private static bool IsEntry(JsonElement line) => line.TryGetProperty("key", out _);

    private static string KeysOf(JsonElement page) =>
        string.Join(
            ' ',
            page.GetProperty("entries").EnumerateArray().Select(one => one.GetProperty("key").GetString())
        );

    private static string PrefixesOf(JsonElement page) =>
        string.Join(' ', page.GetProperty("prefixes").EnumerateArray().Select(one => one.GetString()));

    private static async Task<GatewayFixture> SixEntriesAsync(Action<ExapyteGatewayOptions>? configure = null)
    {
        var gateway = await GatewayFixture.StartAsync(configure);
        foreach (var key in (string[])["a", "b", "b/1", "b/2", "b/x/1", "c/1"])
        {
            await gateway.PutAsync($"{Entries}/{key}", "x");
        }
        return gateway;
    }
}
