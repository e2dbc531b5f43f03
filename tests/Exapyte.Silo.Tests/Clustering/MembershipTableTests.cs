using Exapyte.Hosting.Clustering;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Orleans;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Runtime.Membership;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

/// <summary>The table of a node that is alone.</summary>
public sealed class SingleNodeMembershipTests : MembershipContract
{
    public override ValueTask DisposeAsync() => default;

    protected override Task<IMembershipTable> OpenAsync() =>
        Task.FromResult<IMembershipTable>(new SingleNodeMembershipTable());
}

/// <summary>Orleans' AdoNet table over our SQLite scripts.</summary>
public sealed class SqliteMembershipTests : MembershipContract
{
    private const int SqliteBusy = 5;

    private readonly TemporaryFolder folder = new();
    private readonly SqliteDatabase database;

    public SqliteMembershipTests() => database = SqliteDatabase.Open(folder.File("cluster.db"));

    public override async ValueTask DisposeAsync()
    {
        await database.DisposeAsync();
        folder.Dispose();
    }

    protected override async Task<IMembershipTable> OpenAsync()
    {
        await Scripts.ApplyAsync(database, isAlone: false, CancellationToken.None);
        return await Tables.OpenAsync(database);
    }

    [Fact]
    public async Task Clusters_in_one_database_do_not_see_each_other()
    {
        IMembershipTable other = await Tables.OpenAsync(database, "other");
        await InsertAllAsync(Tables.Entry("n1", 1000));

        MembershipTableData data = await other.ReadAsync();

        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
    }

    [Fact]
    public async Task Initializing_again_keeps_members_and_version()
    {
        await InsertAllAsync(Tables.Entry("n1", 1000));

        IMembershipTable again = await Tables.OpenAsync(database);

        MembershipTableData data = await again.ReadAsync();
        Assert.Single(data.Members);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task Of_writers_that_race_on_one_version_exactly_one_wins()
    {
        const int Writers = 6;
        const int RowsEach = 5;
        IMembershipTable[] tables = await Task.WhenAll(
            Enumerable.Range(0, Writers).Select(_ => Tables.OpenAsync(SqliteDatabase.Open(folder.File("cluster.db"))))
        );

        int[][] won = await Task.WhenAll(
            tables.Select((table, writer) => Task.Run(() => InsertWithRetriesAsync(table, writer, RowsEach)))
        );

        Assert.Equal(Enumerable.Range(0, Writers * RowsEach), won.SelectMany(versions => versions).Order());
        MembershipTableData data = await Table.ReadAsync();
        Assert.Equal(Writers * RowsEach, data.Members.Count);
        Assert.Equal(Writers * RowsEach, data.Version.Version);
    }

    [Fact]
    public async Task The_gateway_list_names_active_members_with_a_gateway()
    {
        MembershipEntry silent = Tables.Entry("silent", 4000, SiloStatus.Active);
        silent.ProxyPort = 0;
        await InsertAllAsync(
            Tables.Entry("a", 1000, SiloStatus.Active),
            Tables.Entry("b", 2000, SiloStatus.Active),
            Tables.Entry("c", 3000, SiloStatus.Dead),
            silent
        );
        AdoNetGatewayListProvider provider = new(
            NullLogger<AdoNetGatewayListProvider>.Instance,
            new ServiceCollection().BuildServiceProvider(),
            Options.Create(
                new AdoNetClusteringClientOptions { Invariant = database.Invariant, DataSource = database.DataSource }
            ),
            Options.Create(new GatewayOptions()),
            Options.Create(new ClusterOptions { ClusterId = "exapyte" })
        );
        await provider.InitializeGatewayListProviderAsync(CancellationToken.None);

        IList<Uri> gateways = await provider.GetGatewaysAsync(CancellationToken.None);

        Assert.Equal([1001, 2001], gateways.Select(g => g.Port).Order());
    }

    /// <summary>
    /// Inserts rows one after another; returns the versions on which it won. One that waited too long for the file
    /// begins anew, as Orleans does.
    /// </summary>
    private static async Task<int[]> InsertWithRetriesAsync(IMembershipTable table, int writer, int rows)
    {
        List<int> won = [];
        while (won.Count < rows)
        {
            MembershipEntry entry = Tables.Entry($"n{writer}", 1000 * (writer + 1) + won.Count);
            try
            {
                TableVersion read = (await table.ReadAsync()).Version;
                if (await table.InsertAsync(entry, read))
                    won.Add(read.Version);
            }
            catch (SqliteException e) when (e.SqliteErrorCode == SqliteBusy) { }
        }
        return [.. won];
    }
}
