using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Xunit;
using static Exapyte.Cluster.Tests.Clients.ConnectedClient;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>Every level on every operation that takes one: it is served at that level and says so, or it is refused.</summary>
public sealed class ConsistencyLevelTests(ConnectedClient connected) : IClassFixture<ConnectedClient>
{
    const int Rounds = 40;

    IExapyteClient Client => connected.Client;

    static CancellationToken OfTest => TestContext.Current.CancellationToken;

    /// <param name="kind">The kind of keyspace.</param>
    /// <param name="level">What is asked for.</param>
    /// <param name="served">What it is served at; null where a read of it is refused.</param>
    /// <param name="writes">Whether writes may ask for it.</param>
    /// <param name="listings">Whether listings may ask for it.</param>
    [Theory]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Default, ConsistencyLevel.Linearizable, true, true)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Linearizable, ConsistencyLevel.Linearizable, true, true)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Bounded, ConsistencyLevel.Bounded, false, false)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Session, ConsistencyLevel.Session, false, true)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Eventual, ConsistencyLevel.Eventual, false, true)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.One, null, false, false)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.Quorum, null, false, false)]
    [InlineData(ReplicationKind.Raft, ConsistencyLevel.All, null, false, false)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Default, ConsistencyLevel.Quorum, true, true)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.One, ConsistencyLevel.One, true, true)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Eventual, ConsistencyLevel.One, true, true)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.All, ConsistencyLevel.All, true, true)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Linearizable, null, false, false)]
    [InlineData(ReplicationKind.Quorum, ConsistencyLevel.Bounded, null, false, false)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Default, ConsistencyLevel.One, true, true)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.One, ConsistencyLevel.One, true, true)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.All, ConsistencyLevel.All, true, true)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Linearizable, null, false, false)]
    [InlineData(ReplicationKind.Async, ConsistencyLevel.Bounded, null, false, false)]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task A_level_is_served_and_named_or_refused(
        ReplicationKind kind,
        ConsistencyLevel level,
        ConsistencyLevel? served,
        bool writes,
        bool listings
    )
    {
        var (keyspace, key) = (Name(kind), $"levels-{level}");
        Assert.Equal(OutcomeKind.Ok, (await Client.PutAsync(keyspace, key, "1")).Outcome.Kind);

        var read = await RunAsync(keyspace, OperationKind.Get, key, level);
        var put = await RunAsync(keyspace, OperationKind.Put, key, level);
        var delete = await RunAsync(keyspace, OperationKind.Delete, key, level);
        var listing = await Client.ScanAsync(keyspace, new() { Level = level }, OfTest);

        if (served is null)
            Assert.Equal(OutcomeKind.Invalid, read.Outcome.Kind);
        else
            Assert.Equal(served, read.Served.Level);
        Assert.Equal(writes ? OutcomeKind.Ok : OutcomeKind.Invalid, put.Outcome.Kind);
        Assert.Equal(writes ? OutcomeKind.Ok : OutcomeKind.Invalid, delete.Outcome.Kind);
        Assert.Equal(listings ? OutcomeKind.Ok : OutcomeKind.Invalid, listing.Kind);
    }

    [Theory]
    [InlineData(ReplicationKind.Raft)]
    [InlineData(ReplicationKind.Quorum)]
    [InlineData(ReplicationKind.Async)]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task A_session_read_is_never_older_than_what_the_session_has_written(ReplicationKind kind)
    {
        for (var number = 1; number <= Rounds; number++)
        {
            var put = (await Client.PutAsync(Name(kind), "session", $"{number}", cancellationToken: OfTest)).Outcome;
            Assert.Equal(OutcomeKind.Ok, put.Kind);
            var reads = await Task.WhenAll(
                Enumerable
                    .Range(0, 4)
                    .Select(_ =>
                        RunAsync(Name(kind), OperationKind.Get, "session", ConsistencyLevel.Session, put.Version)
                    )
            );
            Assert.All(
                reads,
                read => Assert.Equal((OutcomeKind.Ok, $"{number}"), (read.Outcome.Kind, Text(read.Outcome.Value)))
            );
        }
    }

    [Fact]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task A_bounded_read_is_no_older_than_its_bound_and_says_how_old_at_most()
    {
        for (var number = 1; number <= Rounds; number++)
        {
            var put = (await Client.PutAsync("raft", "bounded", $"{number}", cancellationToken: OfTest)).Outcome;
            Assert.Equal(OutcomeKind.Ok, put.Kind);
            // What was acknowledged longer ago than the bound a read has to see.
            var began = System.Diagnostics.Stopwatch.GetTimestamp();
            await Testing.Processes.Poll.UntilAsync(
                "the bound has passed since the write",
                ClusterTestEnvironment.Deadline,
                () =>
                    Task.FromResult(System.Diagnostics.Stopwatch.GetElapsedTime(began) > TimeSpan.FromMilliseconds(20))
            );
            var (read, served) = await RunAsync("raft", OperationKind.Get, "bounded", ConsistencyLevel.Bounded);
            Assert.Equal((OutcomeKind.Ok, $"{number}"), (read.Kind, Text(read.Value)));
            Assert.InRange(served.StalenessMs, -1, 20);
        }
    }

    [Fact]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task At_level_all_a_write_is_at_every_replica_when_it_returns()
    {
        for (var number = 0; number < 10; number++)
        {
            var put = await RunAsync("quorum", OperationKind.Put, $"all-{number}", ConsistencyLevel.All);
            Assert.Equal((OutcomeKind.Ok, 3), (put.Outcome.Kind, put.Outcome.Acknowledged));
            // Whichever replica answers by itself has it.
            var reads = await Task.WhenAll(
                Enumerable
                    .Range(0, 6)
                    .Select(_ => RunAsync("quorum", OperationKind.Get, $"all-{number}", ConsistencyLevel.One))
            );
            Assert.All(reads, read => Assert.Equal(put.Outcome.Version, read.Outcome.Version));
        }
    }

    Task<OperationResult> RunAsync(
        string keyspace,
        OperationKind kind,
        string key,
        ConsistencyLevel level,
        VersionStamp sessionVersion = default
    ) =>
        Client
            .ExecuteAsync(
                keyspace,
                new Operation
                {
                    Kind = kind,
                    Key = Bytes(key),
                    Value = kind == OperationKind.Put ? Bytes("2") : default,
                    Level = level,
                    MaxStalenessMs = level == ConsistencyLevel.Bounded ? 20 : 0,
                    SessionVersion = sessionVersion,
                },
                OfTest
            )
            .AsTask();
}
