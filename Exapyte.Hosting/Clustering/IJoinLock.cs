using Npgsql;

namespace Exapyte.Hosting.Clustering;

/// <summary>A lock between the processes that join one cluster. The death of its holder frees it.</summary>
internal interface IJoinLock
{
    /// <summary>Waits up to <paramref name="patience"/> and then gives up: the lock is a courtesy, not a fence.</summary>
    /// <returns>What frees the lock when disposed, or null when it was not to be had.</returns>
    Task<IAsyncDisposable?> TryTakeAsync(TimeSpan patience);
}

/// <summary>An advisory lock on a file beside the database, for processes of one machine.</summary>
internal sealed class FileJoinLock(string path) : IJoinLock
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(5);

    public async Task<IAsyncDisposable?> TryTakeAsync(TimeSpan patience)
    {
        long start = TimeProvider.System.GetTimestamp();
        do
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException)
            {
                await Task.Delay(RetryDelay);
            }
        } while (TimeProvider.System.GetElapsedTime(start) < patience);
        return null;
    }
}

/// <summary>A session's advisory lock; its connection is not pooled, since only closing it frees the lock for certain.</summary>
internal sealed class PostgresJoinLock(NpgsqlConnectionStringBuilder builder) : IJoinLock
{
    private const long JoinLockKey = 0x45786170_00000002;

    private readonly string connectionString = new NpgsqlConnectionStringBuilder(builder.ConnectionString)
    {
        Pooling = false,
    }.ConnectionString;

    public async Task<IAsyncDisposable?> TryTakeAsync(TimeSpan patience)
    {
        NpgsqlConnection connection = new(connectionString);
        try
        {
            await connection.OpenAsync();
            await using NpgsqlCommand command = connection.CreateCommand();
            command.CommandText = $"SELECT pg_advisory_lock({JoinLockKey})";
            command.CommandTimeout = (int)Math.Ceiling(patience.TotalSeconds);
            await command.ExecuteNonQueryAsync();
            return connection;
        }
        catch (NpgsqlException)
        {
            await connection.DisposeAsync();
            return null;
        }
    }
}
