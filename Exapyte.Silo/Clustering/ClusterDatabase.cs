using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Exapyte.Silo.Clustering;

/// <summary>A database that holds control state and, in a cluster, the membership of the nodes.</summary>
/// <remarks>Immutable and safe for use by several threads; disposing it closes its pooled connections.</remarks>
internal abstract class ClusterDatabase : IAsyncDisposable
{
    /// <summary>The name by which Orleans knows this kind of database.</summary>
    public abstract string Invariant { get; }

    /// <summary>The kind as the scripts are named.</summary>
    public abstract string ScriptPrefix { get; }

    /// <summary>What an operator may read: never a password.</summary>
    public abstract string DisplayName { get; }

    public abstract DbDataSource DataSource { get; }

    /// <summary>True where only one connection writes at a time and a waiting one blocks its thread.</summary>
    public abstract bool HasSingleWriter { get; }

    /// <summary>Runs the scripts as one unit while no other process runs them; safe to repeat.</summary>
    /// <exception cref="DbException">The database cannot be reached or refused a script.</exception>
    public abstract Task ApplyAsync(IReadOnlyList<string> scripts, CancellationToken cancellationToken);

    /// <summary>A lock that spans the processes of the cluster, for <see cref="JoinTurnstile"/>.</summary>
    public abstract IJoinLock CreateJoinLock();

    public ValueTask DisposeAsync() => DataSource.DisposeAsync();

    /// <summary>Judges <c>--provider</c> and <c>--cluster</c> without touching the database.</summary>
    /// <returns>The database, or null with the reason in one line.</returns>
    public static ClusterDatabase? TryCreate(string provider, string connectionString, out string reason)
    {
        reason = "";
        try
        {
            switch (provider.ToLowerInvariant())
            {
                case "sqlite":
                    return SqliteDatabase.TryCreate(new SqliteConnectionStringBuilder(connectionString), out reason);
                case "postgres":
                    return PostgresDatabase.TryCreate(new NpgsqlConnectionStringBuilder(connectionString), out reason);
                default:
                    reason = $"--provider '{provider}': must be sqlite or postgres";
                    return null;
            }
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            // The message may quote the connection string's values, so only its kind is told.
            reason = $"--cluster: not a connection string of {provider}";
            return null;
        }
    }
}
