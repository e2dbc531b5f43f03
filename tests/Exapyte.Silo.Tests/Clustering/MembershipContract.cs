using Orleans;
using Orleans.Messaging;
using Orleans.Runtime;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

/// <summary>What Orleans' membership protocol relies on, told once for every table of ours.</summary>
public abstract class MembershipContract : IAsyncLifetime
{
    /// <summary>The table under test; empty.</summary>
    protected IMembershipTable Table { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Table = await OpenAsync();

    public abstract ValueTask DisposeAsync();

    protected abstract Task<IMembershipTable> OpenAsync();

    [Fact]
    public async Task A_new_table_has_a_version_and_no_members()
    {
        MembershipTableData data = await Table.ReadAsync();

        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
    }

    [Fact]
    public async Task An_inserted_member_is_read_as_it_was_written()
    {
        MembershipEntry written = Tables.Entry("n1", 1000);
        Assert.True(await Table.InsertAsync(written, (await Table.ReadAsync()).Version));

        MembershipTableData all = await Table.ReadAsync();
        MembershipTableData one = await Table.ReadRowAsync(written.SiloAddress, CancellationToken.None);

        Assert.Equal(1, all.Version.Version);
        foreach (MembershipTableData data in new[] { all, one })
        {
            MembershipEntry read = Assert.Single(data.Members).Item1;
            Assert.Equal(written.SiloAddress, read.SiloAddress);
            Assert.Equal((written.SiloName, written.HostName), (read.SiloName, read.HostName));
            Assert.Equal((written.Status, written.ProxyPort), (read.Status, read.ProxyPort));
            Assert.Equal((written.StartTime, written.IAmAliveTime), (read.StartTime, read.IAmAliveTime));
        }
    }

    [Fact]
    public async Task A_row_that_is_absent_still_answers_with_the_version()
    {
        await Table.InsertAsync(Tables.Entry("n1", 1000), (await Table.ReadAsync()).Version);

        MembershipTableData data = await Table.ReadRowAsync(
            Tables.Entry("n2", 2000).SiloAddress,
            CancellationToken.None
        );

        Assert.Empty(data.Members);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task An_insert_on_a_stale_version_changes_nothing()
    {
        TableVersion stale = (await Table.ReadAsync()).Version;
        Assert.True(await Table.InsertAsync(Tables.Entry("n1", 1000), stale));

        Assert.False(await Table.InsertAsync(Tables.Entry("n2", 2000), stale));

        MembershipTableData data = await Table.ReadAsync();
        Assert.Equal("n1", Assert.Single(data.Members).Item1.SiloName);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task A_member_that_exists_is_not_inserted_again_and_the_version_stays()
    {
        await Table.InsertAsync(Tables.Entry("n1", 1000), (await Table.ReadAsync()).Version);

        Assert.False(await Table.InsertAsync(Tables.Entry("n1", 1000), (await Table.ReadAsync()).Version));

        Assert.Equal(1, (await Table.ReadAsync()).Version.Version);
    }

    [Fact]
    public async Task An_update_on_the_read_version_changes_status_votes_and_version()
    {
        MembershipEntry entry = Tables.Entry("n1", 1000);
        SiloAddress voter = Tables.Entry("n2", 2000).SiloAddress;
        await Table.InsertAsync(entry, (await Table.ReadAsync()).Version);
        entry.Status = SiloStatus.Dead;
        entry.AddSuspector(voter, entry.StartTime);

        Assert.True(await Table.UpdateAsync(entry, await Table.ReadAsync()));

        MembershipTableData data = await Table.ReadAsync();
        MembershipEntry read = Assert.Single(data.Members).Item1;
        Assert.Equal(SiloStatus.Dead, read.Status);
        Assert.Equal(voter, Assert.Single(read.SuspectTimes!).Item1);
        Assert.Equal(2, data.Version.Version);
    }

    [Fact]
    public async Task An_update_on_a_stale_version_changes_nothing()
    {
        MembershipEntry entry = Tables.Entry("n1", 1000);
        await Table.InsertAsync(entry, (await Table.ReadAsync()).Version);
        MembershipTableData stale = await Table.ReadAsync();
        await Table.InsertAsync(Tables.Entry("n2", 2000), stale.Version);
        entry.Status = SiloStatus.Dead;

        Assert.False(await Table.UpdateAsync(entry, stale));

        MembershipTableData data = await Table.ReadAsync();
        Assert.Equal(2, data.Members.Count);
        Assert.All(data.Members, m => Assert.Equal(SiloStatus.Joining, m.Item1.Status));
        Assert.Equal(2, data.Version.Version);
    }

    [Fact]
    public async Task An_update_of_an_absent_member_leaves_the_version()
    {
        Assert.False(await Table.UpdateAsync(Tables.Entry("n1", 1000), await Table.ReadAsync()));

        Assert.Equal(0, (await Table.ReadAsync()).Version.Version);
    }

    [Fact]
    public async Task A_sign_of_life_changes_its_time_alone()
    {
        MembershipEntry entry = Tables.Entry("n1", 1000, SiloStatus.Active);
        await Table.InsertAsync(entry, (await Table.ReadAsync()).Version);
        entry.IAmAliveTime = entry.IAmAliveTime.AddSeconds(3);
        entry.Status = SiloStatus.Dead;

        await Table.UpdateIAmAliveAsync(entry, CancellationToken.None);

        MembershipTableData data = await Table.ReadAsync();
        MembershipEntry read = Assert.Single(data.Members).Item1;
        Assert.Equal((entry.IAmAliveTime, SiloStatus.Active), (read.IAmAliveTime, read.Status));
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task Cleaning_up_removes_silent_members_that_are_not_active()
    {
        await InsertAllAsync(
            Tables.Entry("dead", 1000, SiloStatus.Dead),
            Tables.Entry("active", 2000, SiloStatus.Active),
            Fresh(Tables.Entry("fresh", 3000, SiloStatus.Dead))
        );

        await Table.CleanupDefunctSiloEntriesAsync(
            new DateTimeOffset(Tables.Entry("n", 1).IAmAliveTime).AddMinutes(1),
            CancellationToken.None
        );

        Assert.Equal(["active", "fresh"], (await Table.ReadAsync()).Members.Select(m => m.Item1.SiloName).Order());
    }

    [Fact]
    public async Task Deleting_the_entries_leaves_no_members()
    {
        await InsertAllAsync(Tables.Entry("n1", 1000), Tables.Entry("n2", 2000));

        await Table.DeleteMembershipTableEntriesAsync("exapyte", CancellationToken.None);
        await Table.InitializeMembershipTableAsync(true, CancellationToken.None);

        Assert.Empty((await Table.ReadAsync()).Members);
    }

    protected async Task InsertAllAsync(params MembershipEntry[] entries)
    {
        foreach (MembershipEntry entry in entries)
            Assert.True(await Table.InsertAsync(entry, (await Table.ReadAsync()).Version));
    }

    private static MembershipEntry Fresh(MembershipEntry entry)
    {
        entry.IAmAliveTime = entry.IAmAliveTime.AddHours(1);
        return entry;
    }
}
