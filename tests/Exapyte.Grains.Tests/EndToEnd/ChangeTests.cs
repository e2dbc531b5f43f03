using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.EndToEnd;

/// <summary>Increments and patches through the client, over real shards.</summary>
public sealed class ChangeTests(ThreeNodes nodes) : IClassFixture<ThreeNodes>
{
    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Increments_of_many_callers_through_all_nodes_are_each_counted_once_and_answered_with_their_own_number()
    {
        var raft = ThreeNodes.Name(ReplicationKind.Raft);
        var answers = await Task.WhenAll(
            Enumerable
                .Range(0, 12)
                .Select(async caller =>
                {
                    var keyspace = nodes.Cluster.Client($"n{(caller % 3) + 1}").Keyspace(raft);
                    List<long> own = [];
                    for (var i = 0; i < 20; i++)
                    {
                        own.Add(await keyspace.IncrementAsync("change/count", cancellationToken: OfTest));
                    }
                    return own;
                })
        );

        Assert.Equal(Enumerable.Range(1, 240).Select(i => (long)i), answers.SelectMany(own => own).Order());
        Assert.All(answers, own => Assert.Equal(own.Order(), own));
    }

    [Fact]
    public async Task Patches_of_different_members_at_once_are_none_of_them_lost()
    {
        var keyspace = nodes.Cluster.Client("n1").Keyspace(ThreeNodes.Name(ReplicationKind.Raft));
        await Task.WhenAll(
            Enumerable
                .Range(0, 20)
                .Select(async i =>
                    await keyspace.PatchAsync(
                        "change/patched",
                        new Dictionary<string, int> { [$"m{i}"] = i },
                        cancellationToken: OfTest
                    )
                )
        );

        var entry = await keyspace.GetAsync<Dictionary<string, int>>("change/patched", OfTest);

        Assert.Equal(Enumerable.Range(0, 20), entry!.Value.Values.Order());
        Assert.Equal("application/json", entry.ContentType);
    }

    [Fact]
    public async Task A_batch_counts_and_patches_beside_its_other_items()
    {
        var raft = ThreeNodes.Name(ReplicationKind.Raft);
        var results = await nodes
            .Cluster.Client("n2")
            .ExecuteBatchAsync(
                raft,
                [
                    Of(OperationKind.Increment, "change/batch", "5"),
                    Of(OperationKind.Get, "change/batch", ""),
                    Of(OperationKind.Increment, "change/batch", "-1"),
                    Of(OperationKind.Merge, "change/batch", "{\"a\":1}"),
                    Of(OperationKind.Increment, "change/batch", "1"),
                ],
                atomic: false,
                OfTest
            );

        string[] expected = ["Ok 5", "Ok 5", "Ok 4", "Ok ", "NotAnInteger "];
        Assert.Equal(
            expected,
            results.Select(result =>
                $"{result.Outcome.Kind} {System.Text.Encoding.UTF8.GetString(result.Outcome.Value.Span)}"
            )
        );
    }

    [Fact]
    public async Task A_batch_of_the_client_tells_the_sums()
    {
        var keyspace = nodes.Cluster.Client("n2").Keyspace(ThreeNodes.Name(ReplicationKind.Raft));

        var results = await keyspace
            .Batch()
            .Increment("change/sums", 40)
            .Increment("change/sums", 2)
            .Patch("change/member", new { a = 1 })
            .ExecuteAsync(cancellationToken: OfTest);

        Assert.Equal([40L, 42L, null], results.Select(result => result.Number));
        Assert.Equal([true, false, true], results.Select(result => result.Changed));
    }

    [Fact]
    public async Task A_read_of_a_version_that_is_known_says_that_nothing_changed_until_something_did()
    {
        var keyspace = nodes.Cluster.Client("n1").Keyspace(ThreeNodes.Name(ReplicationKind.Raft));
        var written = await keyspace.PutAsync("change/known", 1, OfTest);

        var same = await keyspace.GetIfChangedAsync<int>("change/known", written.Version, cancellationToken: OfTest);
        await keyspace.IncrementAsync("change/known", cancellationToken: OfTest);
        var changed = await keyspace.GetIfChangedAsync<int>("change/known", written.Version, cancellationToken: OfTest);
        await keyspace.DeleteAsync("change/known", cancellationToken: OfTest);
        var gone = await keyspace.GetIfChangedAsync<int>("change/known", written.Version, cancellationToken: OfTest);

        Assert.Equal((EntryStatus.NotModified, null), (same.Status, same.Entry));
        Assert.Equal((EntryStatus.Ok, 2), (changed.Status, changed.Entry!.Value));
        Assert.Equal(EntryStatus.NotFound, gone.Status);
    }

    [Theory]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    public async Task A_leaderless_keyspace_refuses_both_with_the_reason_and_changes_nothing(ReplicationKind kind)
    {
        var client = nodes.Cluster.Client("n1");
        var keyspace = client.Keyspace(ThreeNodes.Name(kind));

        var increment = await keyspace.TryIncrementAsync("change/none", cancellationToken: OfTest);
        var patch = await keyspace.TryPatchAsync("change/none", new { a = 1 }, cancellationToken: OfTest);
        var batch = await client.ExecuteBatchAsync(
            keyspace.Name,
            [Of(OperationKind.Increment, "change/none", "1"), Of(OperationKind.Merge, "change/none", "{}")],
            atomic: false,
            OfTest
        );

        Assert.Equal((EntryStatus.Invalid, EntryStatus.Invalid), (increment.Status, patch.Status));
        Assert.Contains("raft", increment.Detail!, StringComparison.Ordinal);
        Assert.All(batch, item => Assert.Equal(OutcomeKind.Invalid, item.Outcome.Kind));
        Assert.False(await keyspace.ExistsAsync("change/none", cancellationToken: OfTest));
    }

    [Fact]
    public async Task What_cannot_be_counted_up_or_patched_is_told_by_a_status_of_its_own()
    {
        var keyspace = nodes.Cluster.Client("n3").Keyspace(ThreeNodes.Name(ReplicationKind.Raft));
        await keyspace.PutTextAsync("change/text", "no number, no JSON", cancellationToken: OfTest);

        var increment = await keyspace.TryIncrementAsync("change/text", cancellationToken: OfTest);
        var patch = await Assert.ThrowsAsync<ExapyteException>(async () =>
            await keyspace.PatchAsync("change/text", new { a = 1 }, cancellationToken: OfTest)
        );

        Assert.Equal((EntryStatus.NotApplicable, false), (increment.Status, increment.IsOk));
        Assert.Equal((EntryStatus.NotApplicable, false), (patch.Status, patch.IsInDoubt));
    }

    private static Operation Of(OperationKind kind, string key, string value) =>
        new()
        {
            Kind = kind,
            Key = System.Text.Encoding.UTF8.GetBytes(key),
            Value = System.Text.Encoding.UTF8.GetBytes(value),
        };
}
