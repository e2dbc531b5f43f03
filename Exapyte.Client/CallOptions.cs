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
    /// What the call's line of work has seen: it gathers what is written and read, and reads at level session see at least
    /// that. Null: none, and such a read is answered by whichever replica is near.
    /// </summary>
    public ClientSession? Session { get; init; }

    /// <summary>
    /// Writes to a raft keyspace that have no request id get one, so that they are sent again after a failure and still apply
    /// once. It costs the replicas a small row a write, for as long as the keyspace remembers request ids.
    /// </summary>
    public bool NamesWrites { get; init; }
}
