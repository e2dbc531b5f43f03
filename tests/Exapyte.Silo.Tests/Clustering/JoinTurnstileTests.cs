using Exapyte.Hosting.Clustering;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using Orleans;
using Orleans.Runtime;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

public sealed class JoinTurnstileTests : IDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60);

    private readonly TemporaryFolder folder = new();
    private readonly FakeTimeProvider time = new();
    private readonly SingleNodeMembershipTable shared = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_second_joiner_reads_only_after_the_first_has_written()
    {
        using JoinTurnstile first = Turnstile("n1");
        using JoinTurnstile second = Turnstile("n2");
        MembershipTableData read = await first.ReadAsync();

        Task<MembershipTableData> waiting = second.ReadAsync();
        Assert.False(waiting.IsCompleted);
        Assert.True(await first.InsertAsync(Tables.Entry("n1", 1000), read.Version));

        Assert.Equal(1, (await waiting.WaitAsync(Deadline, TestContext.Current.CancellationToken)).Version.Version);
    }

    [Fact]
    public async Task A_read_that_no_write_follows_gives_the_turn_back_in_time()
    {
        using JoinTurnstile first = Turnstile("n1");
        using JoinTurnstile second = Turnstile("n2");
        await first.ReadAsync();
        Task<MembershipTableData> waiting = second.ReadAsync();

        time.Advance(TimeSpan.FromSeconds(1));

        await waiting.WaitAsync(Deadline, TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Joiners_that_start_together_win_every_race()
    {
        JoinTurnstile[] joiners = [.. Enumerable.Range(0, 5).Select(i => Turnstile($"n{i}"))];

        bool[] won = await Task.WhenAll(joiners.Select((joiner, i) => Task.Run(() => JoinAsync(joiner, i))));

        Assert.All(won, Assert.True);
        Assert.Equal(10, (await shared.ReadAsync()).Version.Version);
    }

    [Fact]
    public async Task An_active_node_takes_no_turn_until_it_stops()
    {
        using StoppableLifetime lifetime = new();
        using JoinTurnstile active = Turnstile("n1", lifetime);
        Assert.True(await JoinAsync(active, 1));

        await active.ReadAsync();
        Assert.True(IsFree());
        lifetime.StopApplication();
        await active.ReadAsync();
        Assert.False(IsFree());
    }

    private JoinTurnstile Turnstile(string node, IHostApplicationLifetime? lifetime = null) =>
        new(
            shared,
            new PatientJoinLock(new FileJoinLock(folder.File("join"))),
            node,
            lifetime ?? new StoppableLifetime(),
            time
        );

    private static async Task<bool> JoinAsync(JoinTurnstile joiner, int node)
    {
        MembershipEntry entry = Tables.Entry($"n{node}", 1000 + node);
        bool hasJoined = await joiner.InsertAsync(entry, (await joiner.ReadAsync()).Version);
        entry.Status = SiloStatus.Active;
        return hasJoined && await joiner.UpdateAsync(entry, await joiner.ReadAsync());
    }

    private bool IsFree()
    {
        try
        {
            using FileStream taken = new(
                folder.File("join"),
                FileMode.OpenOrCreate,
                FileAccess.ReadWrite,
                FileShare.None
            );
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    /// <summary>The real lock for those who wait as long as it takes, so that turns are all that decides.</summary>
    private sealed class PatientJoinLock(IJoinLock inner) : IJoinLock
    {
        public Task<IAsyncDisposable?> TryTakeAsync(TimeSpan patience) => inner.TryTakeAsync(TimeSpan.FromMinutes(5));
    }

    private sealed class StoppableLifetime : IHostApplicationLifetime, IDisposable
    {
        private readonly CancellationTokenSource stopping = new();

        public CancellationToken ApplicationStarted => CancellationToken.None;

        public CancellationToken ApplicationStopping => stopping.Token;

        public CancellationToken ApplicationStopped => CancellationToken.None;

        public void StopApplication() => stopping.Cancel();

        public void Dispose() => stopping.Dispose();
    }
}
