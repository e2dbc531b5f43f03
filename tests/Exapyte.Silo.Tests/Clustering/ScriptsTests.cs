using System.Data.Common;
using Exapyte.Hosting.Clustering;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Exapyte.Silo.Tests.Clustering;

public sealed class ScriptsTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Scripts_may_be_applied_again()
    {
        await using SqliteDatabase database = Open();
        await Scripts.ApplyAsync(database, isAlone: false, CancellationToken.None);
        await Tables.OpenAsync(database);

        await Scripts.ApplyAsync(database, isAlone: false, CancellationToken.None);

        Assert.Equal(12, await ScalarAsync<long>(database, "SELECT count(*) FROM OrleansQuery"));
        Assert.Equal(1, await ScalarAsync<long>(database, "SELECT count(*) FROM ExapyteMembershipVersion"));
    }

    [Fact]
    public async Task Scripts_may_be_applied_to_a_new_file_by_many_at_once()
    {
        SqliteDatabase[] databases = [.. Enumerable.Range(0, 8).Select(_ => Open())];

        await Task.WhenAll(
            databases.Select(d => Task.Run(() => Scripts.ApplyAsync(d, isAlone: false, CancellationToken.None)))
        );

        Assert.Equal(12, await ScalarAsync<long>(databases[0], "SELECT count(*) FROM OrleansQuery"));
    }

    [Fact]
    public async Task A_statement_of_an_older_version_is_replaced()
    {
        await using SqliteDatabase database = Open();
        await Scripts.ApplyAsync(database, isAlone: true, CancellationToken.None);
        await ScalarAsync<object?>(database, "UPDATE OrleansQuery SET QueryText = 'old'");

        await Scripts.ApplyAsync(database, isAlone: true, CancellationToken.None);

        Assert.Equal(0, await ScalarAsync<long>(database, "SELECT count(*) FROM OrleansQuery WHERE QueryText = 'old'"));
    }

    [Fact]
    public async Task The_file_is_in_wal_mode_so_that_readers_and_a_writer_do_not_wait_for_each_other()
    {
        await using SqliteDatabase database = Open();
        await Scripts.ApplyAsync(database, isAlone: false, CancellationToken.None);

        Assert.Equal("wal", await ScalarAsync<string>(database, "PRAGMA journal_mode"));
    }

    [Fact]
    public async Task Every_connection_waits_for_the_writer_before_it()
    {
        await using SqliteDatabase database = Open();

        Assert.Equal(3000, await ScalarAsync<long>(database, "PRAGMA busy_timeout"));
        Assert.False(new SqliteConnectionStringBuilder(database.DataSource.ConnectionString).Pooling);
    }

    [Fact]
    public async Task A_missing_folder_is_not_created()
    {
        await using SqliteDatabase database = SqliteDatabase.Open(folder.File("missing/cluster.db"));

        await Assert.ThrowsAnyAsync<DbException>(() =>
            Scripts.ApplyAsync(database, isAlone: false, CancellationToken.None)
        );

        Assert.False(Directory.Exists(folder.File("missing")));
    }

    private SqliteDatabase Open() => SqliteDatabase.Open(folder.File("cluster.db"));

    private static async Task<T> ScalarAsync<T>(SqliteDatabase database, string sql)
    {
        await using DbConnection connection = await database.DataSource.OpenConnectionAsync();
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = sql;
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
