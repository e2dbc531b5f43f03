using Exapyte.Client.Tests.Scripted;
using Exapyte.Operations;

namespace Exapyte.Client.Tests;

public sealed class EverydayTests(ScriptedSilo silo)
{
    [Fact]
    [Trait("Scenario", "client_set")]
    public async Task A_put_creates_an_entry_and_then_replaces_it()
    {
        var keyspace = new ScriptedKeyspace(shards: 4);
        await using var client = silo.Open(keyspace);

        var created = await client.Put("a", "1");
        var replaced = await client.Put("a", "2");

        Assert.Equal(OutcomeKind.Ok, created.Outcome.Kind);
        Assert.True(created.Outcome.Changed);
        Assert.False(replaced.Outcome.Changed);
        Assert.True(replaced.Outcome.Version > created.Outcome.Version);
    }

    [Fact]
    [Trait("Scenario", "client_set")]
    public async Task A_conditional_put_tells_the_current_version()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        var created = await client.Put("a", "1", condition: WriteCondition.IfAbsent);

        var refused = await client.Put("a", "2", condition: WriteCondition.IfAbsent);

        Assert.Equal(OutcomeKind.PreconditionFailed, refused.Outcome.Kind);
        Assert.Equal(created.Outcome.Version, refused.Outcome.Version);
    }

    [Fact]
    [Trait("Scenario", "client_get")]
    public async Task A_get_reads_value_version_and_type_and_tells_what_served_it()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        var put = await client.Put("a", "1");

        var (outcome, served) = await client.Get("a");

        Assert.Equal("1", Ops.Text(outcome.Value));
        Assert.Equal(put.Outcome.Version, outcome.Version);
        Assert.Equal("text/plain; charset=utf-8", outcome.ContentType);
        Assert.Equal(new ServedBy(ConsistencyLevel.Linearizable, "n1", "eu", 0, CacheHit: false), served);
    }

    [Fact]
    [Trait("Scenario", "client_get")]
    public async Task An_absent_key_and_an_absent_keyspace_are_different_outcomes()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);

        var key = await client.Get("absent");
        await using var nowhere = silo.Open("no-such-keyspace");
        var space = await nowhere.Get("absent");

        Assert.Equal(OutcomeKind.NotFound, key.Outcome.Kind);
        Assert.Equal(OutcomeKind.NoSuchKeyspace, space.Outcome.Kind);
        Assert.Same(ServedBy.Nothing, space.Served);
    }

    [Fact]
    [Trait("Scenario", "client_delete")]
    public async Task A_deleted_key_is_absent_and_deleting_it_again_succeeds()
    {
        var keyspace = new ScriptedKeyspace();
        await using var client = silo.Open(keyspace);
        await client.Put("a", "1");

        var first = await client.Delete("a");
        var second = await client.Delete("a");
        var read = await client.Get("a");

        Assert.True(first.Outcome.Changed);
        Assert.Equal(OutcomeKind.Ok, second.Outcome.Kind);
        Assert.False(second.Outcome.Changed);
        Assert.Equal(OutcomeKind.NotFound, read.Outcome.Kind);
    }

    [Fact]
    [Trait("Scenario", "client_connect")]
    public async Task An_application_elsewhere_reads_what_a_silo_wrote()
    {
        var keyspace = new ScriptedKeyspace(shards: 4);
        await using var inside = silo.Open(keyspace);
        await using var outside = silo.OpenOutside(keyspace);
        byte[] key = [0, 255, (byte)'/', 10];

        await inside.Put(key, Ops.Bytes("raw"));
        var read = await outside.Get(key);

        Assert.Equal("raw", Ops.Text(read.Outcome.Value));
    }

    [Fact]
    [Trait("Scenario", "client_disconnect")]
    public async Task Disposal_waits_for_what_is_under_way_and_refuses_what_comes_later()
    {
        var keyspace = new ScriptedKeyspace();
        var client = silo.Open(keyspace);
        var gate = keyspace[0, 0].Hold();
        var running = client.Put("a", "1");
        await Ops.UntilAsync(() => keyspace[0, 0].Calls == 1);

        var disposal = client.DisposeAsync().AsTask();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => client.Get("a"));
        Assert.False(disposal.IsCompleted);
        gate.SetResult();
        await disposal;

        Assert.Equal(OutcomeKind.Ok, (await running).Outcome.Kind);
    }

    [Fact]
    public async Task Everyday_calls_refuse_a_lifetime_that_is_none()
    {
        await using var client = silo.Client();

        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() =>
            client
                .PutAsync("k", "a", "1", TimeSpan.Zero, cancellationToken: TestContext.Current.CancellationToken)
                .AsTask()
        );
    }
}
