using System.IO.Compression;
using System.Text.Json;
using Exapyte.Client;
using Exapyte.Gateway.Tests.Fixtures;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class CompressionTests
{
    private const string Entries = "/v1/keyspaces/k/entries";

    [Theory]
    [InlineData("br", "br")]
    [InlineData("gzip", "gzip")]
    [InlineData("gzip, br", "br")]
    [InlineData("gzip;q=1.0, br;q=0.5", "gzip")]
    [InlineData("br;q=0, gzip", "gzip")]
    [InlineData("deflate", null)]
    [InlineData("identity, gzip;q=0.5", null)]
    [InlineData("gzip;q=0", null)]
    [InlineData("*", null)]
    [InlineData("nonsense;;", null)]
    public async Task A_page_comes_in_the_coding_that_is_liked_best_and_says_the_same(string accepted, string? coding)
    {
        await using var gateway = await StartAsync();
        var plain = await gateway.GetAsync(Entries);
        Assert.Null(plain.Header("Content-Encoding"));

        var answer = await gateway.GetAsync(Entries, "Accept-Encoding: " + accepted);

        Assert.Equal((200, coding), (answer.Status, answer.Header("Content-Encoding")));
        Assert.Equal("Accept-Encoding", answer.Header("Vary"));
        Assert.Equal("application/json", answer.Header("Content-Type"));
        Assert.Equal(plain.Text, coding is null ? answer.Text : Unpacked(answer.Body, coding));
        if (coding is not null)
        {
            Assert.True(answer.Body.Length < plain.Body.Length / 4, $"{answer.Body.Length} of {plain.Body.Length}");
        }
    }

    [Fact]
    public async Task Small_pages_streams_and_problems_come_as_they_are()
    {
        await using var gateway = await StartAsync();

        foreach (var target in new[] { Entries + "?limit=1&keysOnly=true", Entries + "?limit=0" })
        {
            Assert.Null((await gateway.GetAsync(target, "Accept-Encoding: gzip")).Header("Content-Encoding"));
        }
        var lines = await gateway.GetAsync(Entries, "Accept-Encoding: gzip", "Accept: application/x-ndjson");
        Assert.Null(lines.Header("Content-Encoding"));
    }

    [Fact]
    public async Task A_connection_goes_on_behind_a_compressed_page()
    {
        await using var gateway = await StartAsync();
        using var connection = await gateway.ConnectAsync();
        for (var i = 0; i < 3; i++)
        {
            var answer = await connection.SendAsync("GET", Entries, null, ["Accept-Encoding: gzip"]);
            using var page = JsonDocument.Parse(Unpacked(answer.Body, "gzip"));
            Assert.Equal(100, page.RootElement.GetProperty("entries").GetArrayLength());
            Assert.Equal(200, (await connection.SendAsync("GET", Entries + "/key-5")).Status);
        }
    }

    private static string Unpacked(byte[] body, string coding)
    {
        using var packed = new MemoryStream(body);
        using Stream stream =
            coding == "br"
                ? new BrotliStream(packed, CompressionMode.Decompress)
                : new GZipStream(packed, CompressionMode.Decompress);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private static async Task<GatewayFixture> StartAsync()
    {
        var gateway = await GatewayFixture.StartAsync();
        for (var i = 0; i < 100; i++)
        {
            await gateway.Client.PutAsync("k", $"key-{i}", new string('v', 100));
        }
        return gateway;
    }
}
