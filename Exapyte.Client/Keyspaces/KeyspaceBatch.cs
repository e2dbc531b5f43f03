using System.Text.Json;
using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>Writes that are sent together, in the order in which they were added; up to 1,000. For one thread, once.</summary>
public sealed class KeyspaceBatch
{
    private readonly KeyspaceClient keyspace;
    private readonly List<Operation> operations = [];
    private bool sent;

    internal KeyspaceBatch(KeyspaceClient keyspace) => this.keyspace = keyspace;

    /// <summary>Number of writes.</summary>
    public int Count => operations.Count;

    /// <summary>Adds a put of a value as JSON.</summary>
    public KeyspaceBatch Put<T>(EntryKey key, T value, PutOptions? options = null)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(value, keyspace.TypeOf<T>());
        return Add(KeyspaceClient.PutOf(key, json, KeyspaceClient.JsonType, options), options);
    }

    /// <summary>Adds a put of bytes, which must not change before the batch has returned.</summary>
    public KeyspaceBatch PutBytes(EntryKey key, ReadOnlyMemory<byte> value, PutOptions? options = null) =>
        Add(KeyspaceClient.PutOf(key, value, "", options), options);

    /// <summary>Adds an increment; <see cref="WriteResult.Number"/> tells the sum.</summary>
    /// <inheritdoc cref="KeyspaceClient.IncrementAsync"/>
    public KeyspaceBatch Increment(EntryKey key, long by = 1, PutOptions? options = null) =>
        Add(KeyspaceClient.IncrementOf(key, by, options), options);

    /// <summary>Adds a merge patch.</summary>
    /// <inheritdoc cref="KeyspaceClient.PatchAsync"/>
    public KeyspaceBatch Patch<T>(EntryKey key, T patch, PutOptions? options = null) =>
        Add(keyspace.PatchOf(key, patch, options), options);

    /// <summary>As <see cref="CallOptions.Session"/>: to be set before the batch is sent.</summary>
    public ClientSession? Session { get; set; }

    /// <summary>Adds a delete.</summary>
    public KeyspaceBatch Delete(EntryKey key, DeleteOptions? options = null) =>
        Add(KeyspaceClient.DeleteOf(key, options), options);

    /// <summary>Sends the batch, and throws where any of it was not done.</summary>
    /// <param name="atomic">
    /// All apply together or none does: they must lie in one shard of a raft keyspace (see <c>partitionDelimiter</c>). Else
    /// each is for itself, and some may be done where others are not.
    /// </param>
    /// <param name="timeout">Longest time with all retries, 1 ms to 5 minutes; null: as the client has it.</param>
    /// <param name="cancellationToken">Ends the wait; what is on its way may or may not happen.</param>
    /// <exception cref="BatchFailedException">
    /// Some were not done, or nobody knows of them: <see cref="BatchFailedException.Results"/> has how each ended.
    /// </exception>
    public async ValueTask<IReadOnlyList<WriteResult>> ExecuteAsync(
        bool atomic = false,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        var results = await TryExecuteAsync(atomic, timeout, cancellationToken).ConfigureAwait(false);
        return results.All(result => result.IsOk) ? results : throw new BatchFailedException(results, atomic);
    }

    /// <summary>Sends the batch, and tells how each write ended, in the order in which they were added.</summary>
    /// <inheritdoc cref="ExecuteAsync"/>
    public async ValueTask<IReadOnlyList<WriteResult>> TryExecuteAsync(
        bool atomic = false,
        TimeSpan? timeout = null,
        CancellationToken cancellationToken = default
    )
    {
        if (sent)
        {
            throw new InvalidOperationException("The batch was sent already: make a new one.");
        }
        sent = true;
        var call = new CallOptions
        {
            Timeout = timeout,
            NamesWrites = true,
            Session = Session,
        };
        var results = await keyspace
            .Client.ExecuteBatchAsync(keyspace.Name, operations, atomic, call, cancellationToken)
            .ConfigureAwait(false);
        return [.. results.Select(result => KeyspaceClient.ResultOf(result.Outcome))];
    }

    private KeyspaceBatch Add(Operation operation, WriteOptions? options)
    {
        if (options is { Timeout: not null } or { RequestId: not null } or { Session: not null })
        {
            throw new ArgumentException(
                "Timeout, request id and session are the whole batch's, not an item's.",
                nameof(options)
            );
        }
        operations.Add(operation);
        return this;
    }
}

/// <summary>Not every write of a batch was done.</summary>
public sealed class BatchFailedException : ExapyteException
{
    internal BatchFailedException(IReadOnlyList<WriteResult> results, bool atomic)
        : base(Worst(results), Describe(results, atomic)) => Results = results;

    /// <summary>How each write ended, in the order in which they were added.</summary>
    public IReadOnlyList<WriteResult> Results { get; }

    /// <summary>What is in doubt is worse than what was refused.</summary>
    private static EntryStatus Worst(IReadOnlyList<WriteResult> results) =>
        results.Any(result => result.Status == EntryStatus.OutcomeUnknown)
            ? EntryStatus.OutcomeUnknown
            : results.First(result => !result.IsOk).Status;

    private static string Describe(IReadOnlyList<WriteResult> results, bool atomic)
    {
        var at = results.TakeWhile(result => result.IsOk).Count();
        var failed = results.Count(result => !result.IsOk);
        var scope = atomic ? "The atomic batch was not done" : $"{failed} of {results.Count} writes were not done";
        return $"{scope}; the first is item {at}: {results[at].Status}. {results[at].Detail}".TrimEnd();
    }
}
