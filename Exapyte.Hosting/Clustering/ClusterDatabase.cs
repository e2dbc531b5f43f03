using System.Data.Common;
using Microsoft.Data.Sqlite;
using Npgsql;

namespace Exapyte.Hosting.Clustering;

/// <summary>A database that holds control state and, in a cluster, the membership of the nodes.</summary>
/// <remarks>Immutable and safe for use by several threads; disposing it closes its pooled connections.</remarks>
internal abstract class ClusterDatabase : IAsyncDisposable, IDisposable
{
    /// <summary>Which kind it is.</summary>
    public abstract ExapyteClustering Kind { get; }

    /// <summary>The name by which Orleans knows this kind of database.</summary>
    public abstract string Invariant { get; }

    /// <summary>The kind as the scripts are named.</summary>
    public abstract string ScriptPrefix { get; }

    /// <summary>What an operator may read: never a password.</summary>
    public abstract string DisplayName { get; }

    public abstract DbDataSource DataSource { get; }

    /// <summary>True where only one connection writes at a time and a waiting one blocks its thread.</summary>
    public abstract bool HasSingleWriter { get; }

    /// <summary>Whether its scripts have been applied by this process.</summary>
    public bool IsSetUp { get; set; }

    /// <summary>Runs the scripts as one unit while no other process runs them; safe to repeat.</summary>
    /// <exception cref="DbException">The database cannot be reached or refused a script.</exception>
    public abstract Task ApplyAsync(IReadOnlyList<string> scripts, CancellationToken cancellationToken);

    /// <summary>A lock that spans the processes of the cluster, for <see cref="JoinTurnstile"/>.</summary>
    public abstract IJoinLock CreateJoinLock();

    public ValueTask DisposeAsync() => DataSource.DisposeAsync();

    public void Dispose() => DataSource.Dispose();

    /// <summary>The database that the options name, untouched as yet.</summary>
    /// <exception cref="ArgumentException">It is no database of its kind.</exception>
    public static ClusterDatabase Create(ExapyteOptions options) =>
        options.Clustering == ExapyteClustering.None
            ? SqliteDatabase.Open(Path.Combine(Path.GetFullPath(options.DataFolder), "control.db"))
            : TryCreate(options.Clustering, options.ConnectionString, out string reason)
                ?? throw new ArgumentException(reason, nameof(options));

    /// <summary>Why no database can be made of the connection string; null where one can.</summary>
    public static string? ReasonAgainst(ExapyteClustering kind, string connectionString)
    {
        using ClusterDatabase? database = TryCreate(kind, connectionString, out string reason);
        return database is null ? reason : null;
    }

    /// <summary>Judges a connection string without touching the database.</summary>
    /// <returns>The database, or null with the reason in one line.</returns>
    public static ClusterDatabase? TryCreate(ExapyteClustering kind, string connectionString, out string reason)
    {
        reason = "";
        try
        {
            return kind == ExapyteClustering.Postgres
                ? PostgresDatabase.TryCreate(new NpgsqlConnectionStringBuilder(connectionString), out reason)
                : SqliteDatabase.TryCreate(new SqliteConnectionStringBuilder(connectionString), out reason);
        }
        catch (Exception e) when (e is ArgumentException or FormatException or KeyNotFoundException)
        {
            // The message may quote the connection string's values, so only its kind is told.
            reason = $"not a connection string of {kind.ToString().ToLowerInvariant()}";
            return null;
        }
    }
}
