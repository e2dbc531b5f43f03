using Exapyte.Grains.Security;
using Exapyte.Security;
using Exapyte.Storage.Node;
using Exapyte.Testing.Clusters;
using Exapyte.Wire;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Hosting;
using Xunit;

namespace Exapyte.Grains.Tests.Security;

/// <summary>Keys on three nodes: made anywhere, checked everywhere, whatever is down.</summary>
public sealed class KeyRingTests : IAsyncLifetime
{
    private ProductCluster cluster = null!;

    public async ValueTask InitializeAsync() =>
        cluster = await ProductCluster.Start(
            3,
            silo => silo.Services.Configure<NodeKeyOptions>(keys => keys.Enabled = true)
        );

    public ValueTask DisposeAsync() => cluster.DisposeAsync();

    [Fact]
    public async Task The_first_start_leaves_one_root_key_that_only_its_owner_can_read()
    {
        var path = Path.Combine(cluster.Nodes.DataFolderOf("n1"), "root.key");
        var text = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        Assert.True(KeySecret.TrySplit(text.Trim(), out var id, out var secret));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        }
        Assert.False(File.Exists(Path.Combine(cluster.Nodes.DataFolderOf("n2"), "root.key")));
        foreach (var node in cluster.Nodes.Nodes)
        {
            var root = Assert.Single(Known(node).Current!.Keys);
            Assert.Equal(KeyRules.RootId, id);
            Assert.Equal(KeySecret.HashOf(secret), root.SecretHash.ToArray());
        }
    }

    [Fact]
    public async Task A_key_is_known_to_every_node_when_it_is_made_and_to_none_when_it_is_revoked()
    {
        var key = NewKey();
        var added = await Ring("n2").Add(key);
        Assert.Equal((KeyOutcome.Ok, 0), (added.Outcome, added.Unconfirmed.Length));
        Assert.All(cluster.Nodes.Nodes, node => Assert.NotNull(Known(node).Current!.Find(key.Id)));

        var revoked = await Ring("n3").Revoke(key.Id);
        Assert.Equal((KeyOutcome.Ok, 0), (revoked.Outcome, revoked.Unconfirmed.Length));
        Assert.All(cluster.Nodes.Nodes, node => Assert.Null(Known(node).Current!.Find(key.Id)));
        Assert.Equal(KeyOutcome.NotFound, (await Ring("n1").Revoke(key.Id)).Outcome);
    }

    [Fact]
    public async Task With_the_database_stopped_keys_are_known_also_to_a_node_that_restarts_and_cannot_be_changed()
    {
        var key = NewKey();
        await Ring("n1").Add(key);
        cluster.Nodes.Database.IsStopped = true;

        await Assert.ThrowsAsync<ControlPlaneUnavailableException>(() => Ring("n1").Add(NewKey()));
        Assert.All(cluster.Nodes.Nodes, node => Assert.NotNull(Known(node).Current!.Find(key.Id)));

        // What the node will read when it starts: the start itself waits for the control plane.
        var folder = cluster.Nodes.ServicesOf("n3").GetRequiredService<DataFolder>();
        var restarted = new KnownKeys();
        _ = new NodeKeys(folder, restarted, Microsoft.Extensions.Logging.Abstractions.NullLogger<NodeKeys>.Instance);
        Assert.NotNull(restarted.Current!.Find(key.Id));
    }

    [Fact]
    public async Task A_node_that_was_down_while_a_key_was_revoked_does_not_take_it_any_more()
    {
        var key = NewKey();
        await Ring("n1").Add(key);
        var node = cluster.Nodes.Node("n3");
        await cluster.Nodes.StopNode("n3");
        await Eventually.Holds(
            async () => (await Ring("n1").Revoke(key.Id)).Outcome is KeyOutcome.Ok or KeyOutcome.NotFound,
            "The key is revoked."
        );
        await cluster.Nodes.StartNode(node);

        await Eventually.Holds(
            () => Known("n3").Current is { } ring && ring.Find(key.Id) is null,
            "The node has dropped the key."
        );
    }

    [Fact]
    public async Task A_ring_behind_what_the_nodes_know_overtakes_them_and_nodes_that_no_push_reached_ask_for_it()
    {
        var before = Known("n1").Current!.Epoch;
        var ring = await Ring("n1").Since(before + 100);
        Assert.True(ring!.Epoch > before + 100);
        await Eventually.Holds(
            () => cluster.Nodes.Nodes.All(node => Known(node).Current!.Epoch == ring.Epoch),
            "Every node takes it."
        );
    }

    [Fact]
    public async Task A_root_key_that_was_replaced_or_revoked_does_not_come_back()
    {
        var first = Known("n1").Current!.Find(KeyRules.RootId)!.SecretHash.ToArray();
        var second = KeySecret.HashOf(KeySecret.Create());

        Assert.Equal(KeyOutcome.NotFound, (await Ring("n1").EnsureRoot(second, replace: false)).Outcome);
        Assert.Equal(KeyOutcome.Ok, (await Ring("n1").EnsureRoot(second, replace: true)).Outcome);
        Assert.Equal(second, Known("n2").Current!.Find(KeyRules.RootId)!.SecretHash.ToArray());
        Assert.Equal(KeyOutcome.Refused, (await Ring("n1").EnsureRoot(first, replace: true)).Outcome);

        Assert.Equal(KeyOutcome.Ok, (await Ring("n1").Revoke(KeyRules.RootId)).Outcome);
        Assert.Equal(KeyOutcome.Refused, (await Ring("n1").EnsureRoot(second, replace: true)).Outcome);
        var third = KeySecret.HashOf(KeySecret.Create());
        Assert.Equal(KeyOutcome.NotFound, (await Ring("n1").EnsureRoot(third, replace: false)).Outcome);
        Assert.Null(Known("n3").Current!.Find(KeyRules.RootId));
    }

    [Fact]
    public async Task A_key_that_breaks_a_rule_is_refused_by_its_owner_too()
    {
        var reply = await Ring("n1").Add(NewKey() with { Grants = [], ExpiresMs = 1 });
        Assert.Equal((KeyOutcome.Refused, 2), (reply.Outcome, reply.Reasons.Length));
        var key = NewKey();
        await Ring("n1").Add(key);
        Assert.Equal(KeyOutcome.Ok, (await Ring("n1").Add(key)).Outcome);
        Assert.Equal(
            KeyOutcome.Refused,
            (await Ring("n1").Add(key with { SecretHash = new byte[KeySecret.Bytes] })).Outcome
        );
    }

    private KnownKeys Known(string node) => cluster.Nodes.ServicesOf(node).GetRequiredService<KnownKeys>();

    private IKeyRingGrain Ring(string from) => cluster.Nodes.GrainsOf(from).GetGrain<IKeyRingGrain>(0);

    private static ApiKey NewKey() =>
        new()
        {
            Id = KeySecret.CreateId(),
            Name = "test",
            SecretHash = KeySecret.HashOf(KeySecret.Create()),
            Grants = [new() { Keyspace = "k", Allow = KeyRights.Read }],
        };
}
