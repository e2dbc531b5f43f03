using Exapyte.Testing.Processes;
using Xunit;
using Xunit.Sdk;
using Xunit.v3;

// Each test starts processes of its own and kills some; side by side they would only slow each other down.
[assembly: Parallelization(Mode = ParallelMode.None)]
[assembly: AssemblyFixture(typeof(Exapyte.Cluster.Tests.ClusterTestEnvironment))]

namespace Exapyte.Cluster.Tests;

/// <summary>The databases a cluster can meet in.</summary>
public enum MeetingPlace
{
    Sqlite,
    Postgres,
}

/// <summary>What all tests of this program share: one PostgreSQL server, started when the first test asks for it.</summary>
public sealed class ClusterTestEnvironment : IAsyncDisposable
{
    readonly Lazy<Task<PostgresServer>> _postgres = new(PostgresServer.CreateAsync);

    /// <summary>Generous: a busy machine must not fail a test that measures nothing.</summary>
    public static TimeSpan Deadline { get; } = TimeSpan.FromSeconds(60);

    public async Task<PostgresServer?> ServerOfAsync(MeetingPlace place) =>
        place == MeetingPlace.Postgres ? await _postgres.Value : null;

    public async Task<SiloCluster> StartThreeAsync(MeetingPlace place) =>
        await SiloCluster.StartThreeAsync(await ServerOfAsync(place));

    public async ValueTask DisposeAsync()
    {
        if (_postgres.IsValueCreated)
            await (await _postgres.Value).DisposeAsync();
    }
}
