using System.Globalization;
using System.Text;
using CsCheck;
using Exapyte.Gateway.Http;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class ExpiryTests
{
    private const string A = "/v1/keyspaces/k/entries/a";
    private const string Lines = "Content-Type: application/x-ndjson";

    [Theory]
    [InlineData("2030-01-31T12:00:00Z", "2030-01-31T12:00:00.000Z")]
    [InlineData("2030-01-31T12:00:00.1Z", "2030-01-31T12:00:00.100Z")]
    [InlineData("2030-01-31T12:00:00.123456Z", "2030-01-31T12:00:00.123Z")]
    [InlineData("2030-01-31T12:00:00.123999999Z", "2030-01-31T12:00:00.123Z")]
    [InlineData("2030-01-31T12:00:00.99999999999999999999Z", "2030-01-31T12:00:00.999Z")]
    [InlineData("2030-01-31t12:00:00z", "2030-01-31T12:00:00.000Z")]
    [InlineData("2030-01-31t12:00:00.5+01:30", "2030-01-31T10:30:00.500Z")]
    [InlineData("2030-01-31T12:00:00-00:00", "2030-01-31T12:00:00.000Z")]
    [InlineData("2028-02-29T23:59:59-23:59", "2028-03-01T23:58:59.000Z")]
    [InlineData("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z")]
    public void A_time_is_read_in_every_spelling_of_RFC_3339_and_cut_to_milliseconds(string text, string meant)
    {
        Assert.True(Timestamps.TryReadRfc3339(text, out var unixMs));
        Assert.Equal(meant, Timestamps.Rfc3339(unixMs));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2030-01-31")]
    [InlineData("2030-01-31 12:00:00Z")]
    [InlineData("2030-01-31T12:00:00")]
    [InlineData("2030-01-31T12:00:00.Z")]
    [InlineData("2030-01-31T12:00:00,5Z")]
    [InlineData("2030-01-31T12:00Z")]
    [InlineData("2030-1-31T12:00:00Z")]
    [InlineData("2030-02-29T12:00:00Z")]
    [InlineData("2030-13-01T12:00:00Z")]
    [InlineData("2030-00-01T12:00:00Z")]
    [InlineData("0000-01-01T12:00:00Z")]
    [InlineData("2030-01-00T12:00:00Z")]
    [InlineData("2030-01-31T24:00:00Z")]
    [InlineData("2030-01-31T12:60:00Z")]
    [InlineData("2030-01-31T12:00:60Z")]
    [InlineData("2030-01-31T12:00:00+24:00")]
    [InlineData("2030-01-31T12:00:00+01:60")]
    [InlineData("2030-01-31T12:00:00+0100")]
    [InlineData("2030-01-31T12:00:00Z\n")]
    [InlineData(" 2030-01-31T12:00:00Z")]
    [InlineData("\u0662030-01-31T12:00:00Z")]
    public void What_is_no_time_is_refused(string text) => Assert.False(Timestamps.TryReadRfc3339(text, out _));

    [Fact]
    public void A_time_that_is_written_is_read_again_whatever_the_offset_it_is_told_in()
    {
        var times = Gen.Long[0, DateTimeOffset.MaxValue.ToUnixTimeMilliseconds() - 86_400_000];
        Gen.Select(times, Gen.Int[0, (24 * 60) - 1])
            .Sample(
                (unixMs, minutes) =>
                {
                    var at = DateTimeOffset.FromUnixTimeMilliseconds(unixMs);
                    var elsewhere = (at + TimeSpan.FromMinutes(minutes)).ToString(
                        "yyyy-MM-dd'T'HH:mm:ss.fff",
                        CultureInfo.InvariantCulture
                    );
                    Assert.True(Timestamps.TryReadRfc3339(Timestamps.Rfc3339(unixMs), out var same));
                    Assert.True(
                        Timestamps.TryReadRfc3339($"{elsewhere}+{minutes / 60:00}:{minutes % 60:00}", out var too)
                    );
                    Assert.Equal((unixMs, unixMs), (same, too));
                }
            );
    }

    [Theory]
    [InlineData("2036-01-01T00:00:00.001Z")]
    [InlineData("2060-01-01T00:00:00.000Z")]
    public async Task An_end_that_is_a_moment_is_kept_to_the_millisecond_by_every_way_in(string end)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var put = await gateway.PutAsync(A, "x", $"Exapyte-Expires: {end}");
        var batch = await gateway.PostJsonAsync(
            "/v1/keyspaces/k/batch",
            $$"""{"items":[{"op":"put","key":"b","value":"x","expires":"{{end}}"}]}"""
        );
        var line = Encoding.UTF8.GetBytes($$"""{"key":"c","value":"x","expires":"{{end}}"}""");
        var import = await gateway.SendAsync("POST", "/v1/keyspaces/k/import", line, Lines);

        Assert.Equal((201, end), (put.Status, put.Header("Exapyte-Expires")));
        Assert.Equal(end, batch.Json.GetProperty("items")[0].GetProperty("expires").GetString());
        Assert.Equal("""{"imported":1,"expired":0,"failed":0,"errors":[]}""", import.Text);
        foreach (var key in "abc")
        {
            var read = await gateway.GetAsync($"/v1/keyspaces/k/entries/{key}");
            Assert.Equal((200, end), (read.Status, read.Header("Exapyte-Expires")));
        }
        gateway.Time.SetUtcNow(DateTimeOffset.Parse(end, CultureInfo.InvariantCulture));
        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
    }

    [Fact]
    public async Task Listings_that_are_imported_again_and_again_do_not_move_an_end()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        gateway.Time.SetUtcNow(DateTimeOffset.UtcNow);
        await gateway.PutAsync(A, "x", "Exapyte-TTL: 1000");
        var end = (await gateway.GetAsync(A)).Header("Exapyte-Expires");
        for (var round = 0; round < 3; round++)
        {
            gateway.Time.Advance(TimeSpan.FromMilliseconds(1_237));
            var list = await gateway.GetAsync("/v1/keyspaces/k/entries", "Accept: application/x-ndjson");
            gateway.Time.Advance(TimeSpan.FromMilliseconds(511));
            Assert.Equal(200, (await gateway.SendAsync("POST", "/v1/keyspaces/k/import", list.Body, Lines)).Status);
        }

        Assert.Equal(end, (await gateway.GetAsync(A)).Header("Exapyte-Expires"));
    }

    [Fact]
    public async Task A_put_whose_end_has_come_replaces_what_was_there_and_has_ended()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync(A, "old");

        var put = await gateway.PutAsync(A, "new", "Exapyte-Expires: 2001-01-01T00:00:00Z");

        Assert.Equal((204, "2001-01-01T00:00:00.000Z"), (put.Status, put.Header("Exapyte-Expires")));
        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
    }

    [Theory]
    [InlineData("Exapyte-Expires: soon")]
    [InlineData("Exapyte-Expires: 1969-12-31T23:59:59Z")]
    [InlineData("Exapyte-Expires: 9999-12-31T23:59:59-01:00")]
    [InlineData("Exapyte-Expires: 2060-01-01T00:00:00Z\r\nExapyte-TTL: 60")]
    [InlineData("Exapyte-Expires: 2060-01-01T00:00:00Z\r\nExapyte-TTL: never")]
    [InlineData("Exapyte-Expires: 2060-01-01T00:00:00Z\r\nExapyte-Expires: 2060-01-01T00:00:00Z")]
    public async Task An_end_that_is_none_or_one_of_two_is_refused_and_changes_nothing(string headers)
    {
        await using var gateway = await GatewayFixture.StartAsync();

        var put = await gateway.PutAsync(A, "x", headers);

        Assert.Equal((400, "invalid-header"), (put.Status, put.Code));
        Assert.Equal(404, (await gateway.GetAsync(A)).Status);
    }
}
