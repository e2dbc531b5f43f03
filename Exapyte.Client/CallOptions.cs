namespace Exapyte.Client;

/// <summary>What one call asks of the client, beside its operations. The default asks for nothing.</summary>
public readonly record struct CallOptions
{
    /// <summary>
    /// Longest time for the call with all its retries, 1 ms to 5 minutes; null:
    /// <see cref="ExapyteClientOptions.OperationTimeout"/>.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// Writes to a raft keyspace that have no request id get one, so that they are sent again after a failure and still apply
    /// once. It costs the replicas a small row a write, for as long as the keyspace remembers request ids.
    /// </summary>
    public bool NamesWrites { get; init; }
}
