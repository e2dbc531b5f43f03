using System.Data.Common;
using Microsoft.Data.Sqlite;

namespace Exapyte.Hosting.Clustering;

/// <summary>A SQLite file in WAL mode, shared by the processes of one machine.</summary>
internal sealed class SqliteDatabase : ClusterDatabase
{
    private static readonly TimeSpan SetupPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan SetupRetryDelay = TimeSpan.FromMilliseconds(20);

    private readonly string path;

    private SqliteDatabase(SqliteConnectionStringBuilder builder)
    {
        path = builder.DataSource;
        DataSource = new SqliteSource(builder.ConnectionString);
    }

    public override ExapyteClustering Kind => ExapyteClustering.Sqlite;

    public override string Invariant => "System.Data.SQLite";

    public override string ScriptPrefix => "sqlite";

    public override string DisplayName => $"SQLite file {path}";

    public override DbDataSource DataSource { get; }

    public override bool HasSingleWriter => true;

    /// <summary>The database of a file that this process may create.</summary>
    public static SqliteDatabase Open(string path) =>
        new(Harden(new SqliteConnectionStringBuilder { DataSource = Path.GetFullPath(path) }));

    public static SqliteDatabase? TryCreate(SqliteConnectionStringBuilder builder, out string reason)
    {
        bool isFile =
            builder.DataSource.Length > 0
            && !builder.DataSource.StartsWith(':')
            && !builder.DataSource.StartsWith("file:", StringComparison.OrdinalIgnoreCase)
            && builder.Mode is SqliteOpenMode.ReadWriteCreate or SqliteOpenMode.ReadWrite;
        reason = isFile ? "" : "must name a file that can be written: Data Source=<path>";
        if (!isFile)
            return null;
        builder.DataSource = Path.GetFullPath(builder.DataSource);
        return new SqliteDatabase(Harden(builder));
    }

    public override IJoinLock CreateJoinLock() => new FileJoinLock(path + "-join");

    /// <remarks>
    /// A missing folder is not created: a mistyped path would found a second cluster. The switch to WAL does not honour
    /// the busy timeout, hence the loop around all of it.
    /// </remarks>
    public override async Task ApplyAsync(IReadOnlyList<string> scripts, CancellationToken cancellationToken)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                await ApplyOnceAsync(scripts, cancellationToken);
                return;
            }
            catch (SqliteException e) when (IsBusy(e) && TimeProvider.System.GetElapsedTime(start) < SetupPatience)
            {
                await Task.Delay(SetupRetryDelay, cancellationToken);
            }
        }
    }

    private async Task ApplyOnceAsync(IReadOnlyList<string> scripts, CancellationToken cancellationToken)
    {
        await using DbConnection connection = await DataSource.OpenConnectionAsync(cancellationToken);
        await using DbCommand command = connection.CreateCommand();
        command.CommandText = "PRAGMA journal_mode = WAL";
        await command.ExecuteNonQueryAsync(cancellationToken);
        command.CommandText = $"BEGIN IMMEDIATE;\n{string.Join('\n', scripts)}\nCOMMIT;";
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>A pooled connection would keep the half-open transaction of a query that failed.</summary>
    private static SqliteConnectionStringBuilder Harden(SqliteConnectionStringBuilder builder)
    {
        builder.Pooling = false;
        builder.DefaultTimeout = SqliteSource.BusyTimeoutSeconds;
        return builder;
    }

    private static bool IsBusy(SqliteException e) => e.SqliteErrorCode is SqliteBusy or SqliteLocked;

    private const int SqliteBusy = 5;
    private const int SqliteLocked = 6;

    /// <summary>
    /// Opens connections that wait inside SQLite for the writer before them. Without the pragma the driver polls
    /// every 150 ms, which is as long as a whole join takes.
    /// </summary>
    private sealed class SqliteSource(string connectionString) : DbDataSource
    {
        public const int BusyTimeoutSeconds = 3;

        public override string ConnectionString => connectionString;

        protected override DbConnection CreateDbConnection() => new SqliteConnection(connectionString);

        protected override DbConnection OpenDbConnection()
        {
            SqliteConnection connection = new(connectionString);
            try
            {
                connection.Open();
                using SqliteCommand command = connection.CreateCommand();
                command.CommandText = $"PRAGMA busy_timeout = {BusyTimeoutSeconds * 1000}";
                command.ExecuteNonQuery();
                return connection;
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }

        protected override ValueTask<DbConnection> OpenDbConnectionAsync(
            CancellationToken cancellationToken = default
        ) => new(OpenDbConnection());
    }
}
