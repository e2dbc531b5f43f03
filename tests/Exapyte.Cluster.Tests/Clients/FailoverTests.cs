using System.Diagnostics;
using Exapyte.Client;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Clients;

/// <summary>
/// The node that a client is connected to is killed: writes to a raft keyspace cost a failover, none of them is in doubt, and
/// none is applied twice.
/// </summary>
public sealed class FailoverTests(ClusterTestEnvironment environment, ITestOutputHelper output)
{
    const int Rounds = 10;
    const int Writers = 16;

    /// <summary>Writes of each writer that show that it goes on.</summary>
    const int Progress = 10;

    static readonly TimeSpan s_longest = TimeSpan.FromSeconds(2);

    [Fact]
    [Trait("Scenario", "client_failover")]
    public async Task Killed_nodes_cost_a_failover_and_leave_no_write_in_doubt_or_applied_twice()
    {
        await using var cluster = await environment.StartThreeAsync(MeetingPlace.Sqlite);
        await using var application = await Application.ConnectAsync(cluster.Running);
        var keyspace = await application.Client.EnsureKeyspaceAsync("failover");
        var writers = Enumerable.Range(0, Writers).Select(i => new Writer(keyspace, $"writer-{i}")).ToList();
        List<TimeSpan> longest = [];
        foreach (var victim in Enumerable.Range(0, Rounds).Select(round => $"n{1 + (round % 3)}"))
        {
            using var stop = new CancellationTokenSource();
            var running = writers.Select(writer => Task.Run(() => writer.RunAsync(stop.Token))).ToList();
            await AllGoOnAsync(writers, cluster);
            writers.ForEach(writer => writer.TakeLongest());

            await cluster.KillAsync(victim);
            await AllGoOnAsync(writers, cluster);
            longest.Add(writers.Max(writer => writer.TakeLongest()));

            // Nothing is asked of a machine on which a node starts: one without a processor to spare votes it out again.
            await stop.CancelAsync();
            await Task.WhenAll(running);
            await cluster.RestartAsync(victim);
            await EveryReplicaFollowsAsync(application.Client, cluster);
        }

        output.WriteLine(
            $"longest calls: {string.Join(", ", longest.Select(call => $"{call.TotalMilliseconds:f0} ms"))}"
        );
        Assert.All(writers, writer => Assert.Empty(writer.Faults));
        // Half of the rounds, so that a moment in which this machine had no processor to spare fails no test.
        Assert.InRange(longest.Order().ElementAt(Rounds / 2), TimeSpan.Zero, s_longest);
    }

    static Task<TimeSpan> AllGoOnAsync(List<Writer> writers, SiloCluster cluster)
    {
        var before = writers.Select(writer => writer.Acknowledged).ToList();
        return Poll.UntilAsync(
            "every writer goes on",
            ClusterTestEnvironment.Deadline,
            () => Task.FromResult(writers.Zip(before).All(pair => pair.First.Acknowledged >= pair.Second + Progress)),
            () => $"{string.Join('\n', writers.SelectMany(writer => writer.Faults))}\n{cluster.Outputs()}"
        );
    }

    /// <summary>Before another node is killed: with one of them still behind, the other could not go on alone.</summary>
    static Task<TimeSpan> EveryReplicaFollowsAsync(IExapyteClient client, SiloCluster cluster) =>
        Poll.UntilAsync(
            "every replica follows",
            ClusterTestEnvironment.Deadline,
            async () =>
                await client.GetShardsAsync("failover") is { } shards
                && shards.All(shard =>
                    shard.Replicas.Count == 3 && shard.Replicas.All(replica => replica.Role is "leader" or "follower")
                ),
            cluster.Outputs
        );

    /// <summary>
    /// Writes rising numbers to a key of its own, one after the other, and reads them back: a number that comes back later
    /// than its successor was acknowledged was applied twice.
    /// </summary>
    sealed class Writer(KeyspaceClient keyspace, string key)
    {
        readonly Lock _gate = new();
        readonly List<string> _faults = [];
        TimeSpan _longest;
        int _number;
        int _acknowledged;

        public int Acknowledged => Volatile.Read(ref _acknowledged);

        public IReadOnlyList<string> Faults
        {
            get
            {
                lock (_gate)
                    return [.. _faults];
            }
        }

        public TimeSpan TakeLongest()
        {
            lock (_gate)
            {
                var longest = _longest;
                _longest = TimeSpan.Zero;
                return longest;
            }
        }

        public async Task RunAsync(CancellationToken stop)
        {
            while (!stop.IsCancellationRequested)
            {
                var number = ++_number;
                var put = await TimedAsync(() => keyspace.TryPutAsync(key, number));
                if (!put.IsOk)
                    Fault($"{key}: put {number} is {put.Status}: {put.Detail}");
                var read = await TimedAsync(() => keyspace.TryGetAsync<int>(key));
                if (read.Entry is not { } entry)
                    Fault($"{key}: get after {number} is {read.Status}: {read.Detail}");
                else if (entry.Value != number || entry.Version != put.Version)
                    Fault($"{key}: {entry.Value} at {entry.Version} after {number} at {put.Version}");
                Interlocked.Increment(ref _acknowledged);
            }
        }

        async Task<T> TimedAsync<T>(Func<ValueTask<T>> call)
        {
            var began = Stopwatch.GetTimestamp();
            var result = await call();
            var took = Stopwatch.GetElapsedTime(began);
            lock (_gate)
                _longest = took > _longest ? took : _longest;
            return result;
        }

        void Fault(string what)
        {
            lock (_gate)
                _faults.Add(what);
        }
    }
}
