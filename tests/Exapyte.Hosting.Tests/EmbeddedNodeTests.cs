using System.Net.Http.Json;
using Exapyte.Client;
using Exapyte.Storage.Node;
using Exapyte.Testing.Clusters;
using Exapyte.Testing.Processes;

namespace Exapyte.Hosting.Tests;

/// <summary>A node inside an application is as durable as one that is a process of its own.</summary>
public sealed class EmbeddedNodeTests : IDisposable
{
    static readonly TimeSpan s_deadline = TimeSpan.FromMinutes(2);

    readonly TemporaryFolder _folder = new("embedded");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_was_written_is_there_when_the_application_starts_again_on_its_folder()
    {
        EntryVersion version;
        await using (var first = await EmbeddedHost.StartAsync(_folder.File("data")))
        {
            var users = await first.Client.EnsureKeyspaceAsync("users");
            version = (await users.PutAsync("ada", new Person("Ada", 36))).Version;
        }

        await using var second = await EmbeddedHost.StartAsync(_folder.File("data"));

        var ada = await second.Client.Keyspace("users").GetAsync<Person>("ada");
        Assert.Equal((new Person("Ada", 36), version), (ada!.Value, ada.Version));
    }

    [Fact]
    public async Task A_folder_that_is_in_use_fails_the_start_and_says_so()
    {
        await using var first = await EmbeddedHost.StartAsync(_folder.File("data"));

        var failure = await Assert.ThrowsAnyAsync<Exception>(() => EmbeddedHost.StartAsync(_folder.File("data")));

        Assert.Contains(Causes(failure), cause => cause is DataFolderException);
        var users = await first.Client.EnsureKeyspaceAsync("users");
        Assert.True((await users.PutAsync("ada", 1)).Changed);
    }

    [Fact]
    public async Task The_sample_survives_being_killed_with_all_that_it_has_acknowledged()
    {
        var http = FreePorts.Next();
        string[] settings =
        [
            $"--urls=http://127.0.0.1:{http}",
            $"--Exapyte:DataFolder={_folder.File("data")}",
            $"--Exapyte:SiloPort={FreePorts.Next()}",
            $"--Exapyte:GatewayPort={FreePorts.Next()}",
        ];
        using var client = new HttpClient { BaseAddress = new($"http://127.0.0.1:{http}") };
        for (var round = 0; round < 3; round++)
        {
            await using var application = new ChildProcess(
                SiloProcess.ExecutableOf("Exapyte.Samples.Embedded"),
                settings
            );
            await Poll.UntilAsync("it is ready", s_deadline, () => IsReadyAsync(client), () => application.Output);
            for (var earlier = 0; earlier < round; earlier++)
            {
                var read = await client.GetFromJsonAsync<Person>($"/users/user-{earlier}");
                Assert.Equal(new Person("of round", earlier), read);
            }
            var put = await client.PutAsJsonAsync($"/users/user-{round}", new Person("of round", round));
            Assert.True(put.IsSuccessStatusCode, $"{put.StatusCode}\n{application.Output}");

            await application.KillAsync();
        }
    }

    static async Task<bool> IsReadyAsync(HttpClient client)
    {
        try
        {
            using var answer = await client.GetAsync(new Uri("/readyz", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    static IEnumerable<Exception> Causes(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
            yield return cause;
    }
}

/// <summary>What the tests keep.</summary>
public sealed record Person(string Name, int Age);
