using System.Text;
using Exapyte.Client;
using Exapyte.Operations;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.LeaderlessNodes;

namespace Exapyte.Grains.Tests.Leaderless;

/// <summary>A session reads what it has written and never less than it has read, through whichever node it goes.</summary>
public sealed class SessionTests(LeaderlessNodes nodes) : IClassFixture<LeaderlessNodes>, IDisposable
{
    private const string Replicate = nameof(IShardGrain.Replicate);
    private const string ReadLocal = nameof(IShardGrain.ReadLocal);

    private static int tests;
    private readonly string id = $"session{Interlocked.Increment(ref tests)}/";
    private readonly ClientSession session = new();

    public void Dispose() => nodes.Faults.Clear();

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task What_one_replica_took_is_seen_through_a_node_that_has_not_got_it(string keyspace)
    {
        RefusePushes();
        await Write(keyspace, "n1", Put(id + "a", "1", ConsistencyLevel.One));

        // Without what the session has seen that replica answers with what it has.
        Assert.Equal("NotFound", await Read(keyspace, "n2", id + "a", seen: null));
        Assert.Equal("1", await Read(keyspace, "n2", id + "a", session));
        Assert.Equal(id + "a", Assert.Single(await List(keyspace, "n3")));

        await Write(keyspace, "n1", Delete(id + "a", ConsistencyLevel.One));
        Assert.Equal("NotFound", await Read(keyspace, "n2", id + "a", session));
        Assert.Empty(await List(keyspace, "n3"));
    }

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task What_was_read_from_one_replica_is_not_read_older_from_another(string keyspace)
    {
        RefusePushes();
        await nodes.Give(keyspace, "n2", Entries.Put(id + "a", 1_000, "old"));
        await nodes.Give(keyspace, "n3", Entries.Put(id + "a", 2_000, "new"));

        Assert.Equal("old", await Read(keyspace, "n2", id + "a", session));
        Assert.Equal("new", await Read(keyspace, "n3", id + "a", session));
        Assert.Equal("old", await Read(keyspace, "n2", id + "a", seen: null));
        Assert.Equal("new", await Read(keyspace, "n2", id + "a", session));
        Assert.Equal("new", await Read(keyspace, "n1", id + "a", session));
    }

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task A_write_through_another_node_comes_after_what_the_session_has_seen(string keyspace)
    {
        RefusePushes();
        await Write(keyspace, "n1", Put(id + "a", "1", ConsistencyLevel.One));
        await Write(keyspace, "n2", Put(id + "a", "2", ConsistencyLevel.One));

        Assert.Equal("2", await Read(keyspace, "n1", id + "a", session));
        Assert.Equal("2", await Read(keyspace, "n3", id + "a", session));
    }

    [Theory]
    [InlineData(Async)]
    [InlineData(Quorum)]
    public async Task What_only_a_replica_that_does_not_answer_may_hold_is_refused_and_not_made_up(string keyspace)
    {
        RefusePushes();
        await Write(keyspace, "n1", Put(id + "a", "1", ConsistencyLevel.One));
        nodes.Faults.Refuse("n1", ReadLocal);

        var read = Get(id + "a", ConsistencyLevel.Session) with { Session = SeenOf(keyspace) };
        Assert.Equal("Unavailable", Text((await nodes.Run(keyspace, "n2", 2_000, read)).Single()));
        Assert.Equal("1", Text((await nodes.Run(keyspace, "n1", 2_000, read)).Single()));
    }

    [Theory]
    [MemberData(nameof(LeaderlessNodes.Keyspaces), MemberType = typeof(LeaderlessNodes))]
    public async Task What_a_quorum_holds_is_seen_without_the_replica_that_took_it(string keyspace)
    {
        await Write(keyspace, "n1", Put(id + "a", "1", ConsistencyLevel.Quorum));
        nodes.Faults.Refuse("n1", ReadLocal);

        Assert.Equal(0, Assert.Single(SeenOf(keyspace)!).ReplicaId);
        var read = Get(id + "a", ConsistencyLevel.Session) with { Session = SeenOf(keyspace) };
        Assert.Equal("1", Text((await nodes.Run(keyspace, "n3", 10_000, read)).Single()));
    }

    private void RefusePushes()
    {
        foreach (var node in (string[])["n1", "n2", "n3"])
        {
            nodes.Faults.Refuse(node, Replicate);
        }
    }

    private SessionMark[]? SeenOf(string keyspace)
    {
        var map = nodes.MapOf(keyspace);
        return session.SeenOf(map.KeyspaceId, map.Shards[0].ShardId);
    }

    private async Task Write(string keyspace, string node, Operation operation)
    {
        var write = await nodes.Client(node).ExecuteAsync(keyspace, operation, new CallOptions { Session = session });
        Assert.Equal(OutcomeKind.Ok, write.Outcome.Kind);
        Assert.Equal(node, write.Served.Node);
    }

    private async Task<string> Read(string keyspace, string node, string key, ClientSession? seen)
    {
        var read = await nodes
            .Client(node)
            .ExecuteAsync(keyspace, Get(key, ConsistencyLevel.Session), new CallOptions { Session = seen });
        Assert.Equal((node, ConsistencyLevel.Session), (read.Served.Node, read.Served.Level));
        return Text(read.Outcome);
    }

    private async Task<string[]> List(string keyspace, string node)
    {
        var query = new ScanQuery
        {
            Prefix = Encoding.UTF8.GetBytes(id),
            Level = ConsistencyLevel.Session,
            Session = session,
        };
        var page = await nodes.Client(node).ScanAsync(keyspace, query);
        Assert.Equal(OutcomeKind.Ok, page.Kind);
        return [.. page.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span))];
    }
}
