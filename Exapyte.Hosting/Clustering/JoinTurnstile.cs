using Microsoft.Extensions.Hosting;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// Lets processes that start or stop at the same instant change the membership one after another.
/// </summary>
/// <remarks>
/// To join, a silo twice reads the table and then writes its row under a version compare-and-set; to leave, twice more.
/// Orleans answers a lost race with a pause of two to four seconds, so that processes started together pay for each
/// race. Until this silo is active, and again once it stops, a read therefore takes a lock that the processes share,
/// and the write after it gives the lock back. A read that no write follows gives it back after <see cref="HoldMax"/>;
/// who waits longer than <see cref="Patience"/> goes on without it. The compare-and-set stays what decides: the lock
/// only lets it succeed at the first try.
/// </remarks>
internal sealed class JoinTurnstile(
    IMembershipTable inner,
    IJoinLock joinLock,
    string nodeId,
    IHostApplicationLifetime lifetime,
    TimeProvider time
) : MembershipTable, IDisposable
{
    private static readonly TimeSpan HoldMax = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly SemaphoreSlim taking = new(1, 1);
    private Held? held;
    private volatile bool isActive;

    private bool IsChanging => !isActive || lifetime.ApplicationStopping.IsCancellationRequested;

    public override async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken = default)
    {
        if (IsChanging)
            await TakeAsync(cancellationToken);
        return await inner.ReadAllAsync(cancellationToken);
    }

    public override async Task<bool> InsertRowAsync(
        MembershipEntry entry,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            return await inner.InsertRowAsync(entry, tableVersion, cancellationToken);
        }
        finally
        {
            await GiveBackAsync(Interlocked.Exchange(ref held, null));
        }
    }

    public override async Task<bool> UpdateRowAsync(
        MembershipEntry entry,
        string etag,
        TableVersion tableVersion,
        CancellationToken cancellationToken = default
    )
    {
        try
        {
            bool isWritten = await inner.UpdateRowAsync(entry, etag, tableVersion, cancellationToken);
            if (isWritten && entry.Status == SiloStatus.Active && entry.SiloName == nodeId)
                isActive = true;
            return isWritten;
        }
        finally
        {
            await GiveBackAsync(Interlocked.Exchange(ref held, null));
        }
    }

    public override Task InitializeMembershipTableAsync(
        bool tryInitTableVersion,
        CancellationToken cancellationToken = default
    ) => inner.InitializeMembershipTableAsync(tryInitTableVersion, cancellationToken);

    public override Task<MembershipTableData> ReadRowAsync(
        SiloAddress key,
        CancellationToken cancellationToken = default
    ) => inner.ReadRowAsync(key, cancellationToken);

    public override Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken = default) =>
        inner.UpdateIAmAliveAsync(entry, cancellationToken);

    public override Task CleanupDefunctSiloEntriesAsync(
        DateTimeOffset beforeDate,
        CancellationToken cancellationToken = default
    ) => inner.CleanupDefunctSiloEntriesAsync(beforeDate, cancellationToken);

    public override Task DeleteMembershipTableEntriesAsync(
        string clusterId,
        CancellationToken cancellationToken = default
    ) => inner.DeleteMembershipTableEntriesAsync(clusterId, cancellationToken);

    public void Dispose() => taking.Dispose();

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        await taking.WaitAsync(cancellationToken);
        try
        {
            if (Volatile.Read(ref held) is not null)
                return;
            if (await joinLock.TryTakeAsync(Patience) is not { } token)
                return;
            Held mine = new(token);
            Volatile.Write(ref held, mine);
            _ = ExpireAsync(mine);
        }
        finally
        {
            taking.Release();
        }
    }

    private async Task ExpireAsync(Held mine)
    {
        await Task.Delay(HoldMax, time);
        if (Interlocked.CompareExchange(ref held, null, mine) == mine)
            await GiveBackAsync(mine);
    }

    private static async Task GiveBackAsync(Held? mine)
    {
        if (mine is not null)
            await mine.Token.DisposeAsync();
    }

    private sealed record Held(IAsyncDisposable Token);
}
