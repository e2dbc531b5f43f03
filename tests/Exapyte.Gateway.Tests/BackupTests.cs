using Exapyte.Client.Backups;
using Exapyte.Gateway.Tests.Fixtures;
using Exapyte.Operations;
using Exapyte.Wire;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class BackupTests
{
    private const string Archive = "Content-Type: " + KeyspaceBackups.MediaType;

    [Fact]
    public async Task A_keyspace_is_restored_from_its_archive_under_another_name()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one", "Content-Type: text/plain");
        await gateway.PutAsync("/v1/keyspaces/k/entries64/_wA", "binary");

        var backup = await gateway.SendAsync("POST", "/v1/keyspaces/k/backups");
        Assert.Equal((200, KeyspaceBackups.MediaType), (backup.Status, backup.Header("Content-Type")));
        Assert.Contains("k.exapyte", backup.Header("Content-Disposition"), StringComparison.Ordinal);

        var restore = await gateway.SendAsync("POST", "/v1/restores?keyspace=copy", backup.Body, Archive);
        Assert.Equal((201, "/v1/keyspaces/copy"), (restore.Status, restore.Header("Location")));
        Assert.Equal("""{"keyspace":"copy","created":true,"entries":2,"expired":0}""", restore.Text);
        var copied = await gateway.GetAsync("/v1/keyspaces/copy/entries/a");
        Assert.Equal(("one", "text/plain"), (copied.Text, copied.Header("Content-Type")));
        Assert.Equal("binary", (await gateway.GetAsync("/v1/keyspaces/copy/entries64/_wA")).Text);
    }

    [Fact]
    public async Task Without_a_name_the_archive_names_the_keyspace()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        await gateway.SendAsync("DELETE", "/v1/keyspaces/k");

        var restore = await gateway.SendAsync("POST", "/v1/restores", archive, Archive);
        Assert.Equal((201, "k"), (restore.Status, restore.Json.GetProperty("keyspace").GetString()));
        Assert.Equal("one", (await gateway.GetAsync("/v1/keyspaces/k/entries/a")).Text);
    }

    [Fact]
    public async Task An_existing_keyspace_is_restored_into_only_if_it_is_empty()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;

        var full = await gateway.SendAsync("POST", "/v1/restores", archive, Archive);
        await gateway.PutAsync("/v1/keyspaces/empty", "{}");
        var empty = await gateway.SendAsync("POST", "/v1/restores?keyspace=empty", archive, Archive);

        Assert.Equal((409, "keyspace-conflict"), (full.Status, full.Code));
        Assert.Equal((200, false), (empty.Status, empty.Json.GetProperty("created").GetBoolean()));
        Assert.Equal("one", (await gateway.GetAsync("/v1/keyspaces/empty/entries/a")).Text);
    }

    [Fact]
    public async Task An_archive_beyond_the_quota_is_507_and_leaves_no_keyspace()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        gateway.Client.Intercept = (_, _) => OperationOutcome.Of(OutcomeKind.QuotaExceeded, "No room.");

        var answer = await gateway.SendAsync("POST", "/v1/restores?keyspace=copy", archive, Archive);

        Assert.Equal((507, "quota-exceeded"), (answer.Status, answer.Code));
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/copy")).Status);
    }

    [Fact]
    public async Task A_damaged_archive_is_refused_and_leaves_no_keyspace()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        for (var i = 0; i < 20; i++)
        {
            await gateway.PutAsync($"/v1/keyspaces/k/entries/{i}", "value");
        }
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        byte[] flipped = [.. archive];
        flipped[^60] ^= 1;
        byte[][] damaged = [flipped, archive[..^1], archive[..^40], [.. archive, 0], "no archive"u8.ToArray(), []];
        foreach (var one in damaged)
        {
            var answer = await gateway.SendAsync("POST", "/v1/restores?keyspace=copy", one, Archive);
            Assert.Equal((400, "invalid-body"), (answer.Status, answer.Code));
            Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/copy")).Status);
        }
    }

    [Fact]
    public async Task A_restore_that_the_cluster_does_not_take_leaves_no_keyspace()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        gateway.Client.Intercept = (_, operation) =>
            operation.IsWrite ? OperationOutcome.Of(OutcomeKind.Invalid, "Not today.") : null;

        var answer = await gateway.SendAsync("POST", "/v1/restores?keyspace=copy", archive, Archive);
        Assert.Equal((503, "unavailable"), (answer.Status, answer.Code));
        Assert.False(answer.Json.GetProperty("inDoubt").GetBoolean());
        Assert.Equal(404, (await gateway.GetAsync("/v1/keyspaces/copy")).Status);
    }

    [Fact]
    public async Task A_restore_that_may_have_left_something_is_in_doubt()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        var archive = (await gateway.SendAsync("POST", "/v1/keyspaces/k/backups")).Body;
        await gateway.PutAsync("/v1/keyspaces/empty", "{}");
        gateway.Client.Intercept = (_, operation) =>
            operation.IsWrite ? OperationOutcome.Of(OutcomeKind.Invalid, "Not today.") : null;
        var filled = await gateway.SendAsync("POST", "/v1/restores?keyspace=empty", archive, Archive);
        gateway.Client.InterceptKeyspace = new()
        {
            Outcome = KeyspaceOutcome.Unavailable,
            Reasons = ["The control plane does not answer."],
        };
        var created = await gateway.SendAsync("POST", "/v1/restores?keyspace=copy", archive, Archive);

        Assert.Equal((503, "unavailable"), (filled.Status, filled.Code));
        Assert.True(filled.Json.GetProperty("inDoubt").GetBoolean());
        Assert.False(filled.Json.GetProperty("retryable").GetBoolean());
        Assert.Equal((503, "unavailable"), (created.Status, created.Code));
    }

    [Fact]
    public async Task What_is_not_sent_as_an_archive_or_asks_for_what_is_not_there_is_refused()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        var text = await gateway.SendAsync("POST", "/v1/restores", "x"u8.ToArray(), "Content-Type: text/plain");
        var coded = await gateway.SendAsync("POST", "/v1/restores", [1], Archive, "Content-Encoding: gzip");
        var named = await gateway.SendAsync("POST", "/v1/restores?keyspace=Not%20a%20name", [1], Archive);
        var asked = await gateway.SendAsync("POST", "/v1/restores?into=x", [1], Archive);
        var absent = await gateway.SendAsync("POST", "/v1/keyspaces/absent/backups");
        var query = await gateway.SendAsync("POST", "/v1/keyspaces/k/backups?x=1");

        Assert.Equal((415, 415), (text.Status, coded.Status));
        Assert.Equal((400, "invalid-keyspace"), (named.Status, named.Code));
        Assert.Equal((400, "invalid-query"), (asked.Status, asked.Code));
        Assert.Equal((404, "no-such-keyspace"), (absent.Status, absent.Code));
        Assert.Equal((400, "invalid-query"), (query.Status, query.Code));
    }

    [Fact]
    public async Task A_backup_that_breaks_off_has_no_end()
    {
        await using var gateway = await GatewayFixture.StartAsync();
        await gateway.PutAsync("/v1/keyspaces/k/entries/a", "one");
        gateway.Client.SnapshotBreaks = true;
        using var http = new HttpClient();
        var target = new Uri($"http://127.0.0.1:{gateway.Port}/v1/keyspaces/k/backups");

        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var answer = await http.PostAsync(target, null, TestContext.Current.CancellationToken);
            await answer.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        });
    }
}
