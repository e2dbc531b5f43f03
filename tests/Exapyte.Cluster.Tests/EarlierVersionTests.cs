using Exapyte.Testing.Formats;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests;

/// <summary>A node is started on the data folder that an earlier version left when it was killed.</summary>
public sealed class EarlierVersionTests : IDisposable
{
    readonly TemporaryFolder _folder = new("earlier");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_data_folder_of_format_1_serves_all_that_was_acknowledged_and_takes_writes()
    {
        DataFolderArchive.Unpack(1, _folder.File("data"));
        var settings = new SiloSettings { NodeId = "n1", DataFolder = _folder.File("data") };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await HoldsWhatWasWrittenAsync(silo.Rest);
            await RemembersRequestsAsync(silo.Rest);
            Assert.Equal(201, (await PutAsync(silo.Rest, "accounts", "new", "of this version")).Status);
            Assert.Equal(201, (await PutAsync(silo.Rest, "carts", "new", "of this version")).Status);
            await silo.KillAsync();
        }
        await using var again = await SiloProcess.StartAsync(settings);
        await HoldsWhatWasWrittenAsync(again.Rest);
        await RemembersRequestsAsync(again.Rest);
        Assert.Equal("of this version", (await again.Rest.GetAsync("accounts", "new")).Text);
        Assert.Equal("of this version", (await again.Rest.GetAsync("carts", "new")).Text);
    }

    static async Task HoldsWhatWasWrittenAsync(RestClient rest)
    {
        foreach (var keyspace in (string[])["accounts", "carts"])
        {
            for (var number = 0; number < 40; number++)
            {
                var answer = await rest.GetAsync(keyspace, $"key-{number}");
                var isGone = number is 3 or 7 || number % 8 == 2;
                Assert.True(answer.Status == (isGone ? 404 : 200), $"{keyspace}/key-{number}: {answer}");
                if (!isGone)
                    Assert.Equal(
                        keyspace == "accounts" && number == 0 ? "overwritten" : $"value {number}",
                        answer.Text
                    );
            }
            Assert.Equal("written just before the end", (await rest.GetAsync(keyspace, "late")).Text);
        }
        Assert.Equal("two", (await rest.GetAsync("accounts", "b2")).Text);
    }

    /// <summary>Sent again, it answers as the first time; another request under the same key is refused.</summary>
    static async Task RemembersRequestsAsync(RestClient rest)
    {
        using var http = new HttpClient { BaseAddress = rest.Url };
        foreach (var (value, status) in ((string, int)[])[("value 15", 201), ("another", 422)])
        {
            using var request = new HttpRequestMessage(HttpMethod.Put, "/v1/keyspaces/accounts/entries/key-15")
            {
                Content = new StringContent(value, new System.Net.Http.Headers.MediaTypeHeaderValue("text/plain")),
            };
            request.Headers.Add("Idempotency-Key", "request-15");
            using var answer = await http.SendAsync(request);
            Assert.Equal(status, (int)answer.StatusCode);
        }
        Assert.Equal("value 15", (await rest.GetAsync("accounts", "key-15")).Text);
    }

    static Task<RestAnswer> PutAsync(RestClient rest, string keyspace, string key, string value) =>
        rest.PutAsync(keyspace, key, System.Text.Encoding.UTF8.GetBytes(value));
}
