using System.Data.Common;
using Npgsql;

namespace Exapyte.Hosting.Clustering;

/// <summary>A PostgreSQL database, for nodes on several machines.</summary>
internal sealed class PostgresDatabase : ClusterDatabase
{
    /// <summary>Serialises set-up between processes: concurrent CREATE TABLE IF NOT EXISTS may collide in the catalogue.</summary>
    private const long SetupLockKey = 0x45786170_00000001;

    private const int ConnectTimeoutSeconds = 5;
    private const int CommandTimeoutSeconds = 10;
    private const int ConnectionsMax = 10;

    private readonly NpgsqlConnectionStringBuilder builder;

    private PostgresDatabase(NpgsqlConnectionStringBuilder builder)
    {
        this.builder = builder;
        DataSource = NpgsqlDataSource.Create(builder);
    }

    public override ExapyteClustering Kind => ExapyteClustering.Postgres;

    public override string Invariant => "Npgsql";

    public override string ScriptPrefix => "postgres";

    public override string DisplayName =>
        $"PostgreSQL database {builder.Database ?? builder.Username} on {builder.Host}:{builder.Port}";

    public override DbDataSource DataSource { get; }

    public override bool HasSingleWriter => false;

    public static PostgresDatabase? TryCreate(NpgsqlConnectionStringBuilder builder, out string reason)
    {
        reason = string.IsNullOrWhiteSpace(builder.Host) ? "must name a host: Host=<name>;..." : "";
        if (reason.Length > 0)
            return null;
        SetDefault(builder, "Timeout", ConnectTimeoutSeconds);
        SetDefault(builder, "Command Timeout", CommandTimeoutSeconds);
        SetDefault(builder, "Maximum Pool Size", ConnectionsMax);
        SetDefault(builder, "Application Name", "exapyte");
        return new PostgresDatabase(builder);
    }

    public override IJoinLock CreateJoinLock() => new PostgresJoinLock(builder);

    public override async Task ApplyAsync(IReadOnlyList<string> scripts, CancellationToken cancellationToken)
    {
        await using DbConnection connection = await DataSource.OpenConnectionAsync(cancellationToken);
        await using DbTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using DbCommand command = connection.CreateCommand();
        command.Transaction = transaction;
        command.CommandText = $"SELECT pg_advisory_xact_lock({SetupLockKey})";
        await command.ExecuteNonQueryAsync(cancellationToken);
        command.CommandText = string.Join('\n', scripts);
        await command.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private static void SetDefault(NpgsqlConnectionStringBuilder builder, string keyword, object value)
    {
        if (!builder.ContainsKey(keyword))
            builder[keyword] = value;
    }
}
