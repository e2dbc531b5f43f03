namespace Exapyte.Client;

/// <summary>Settings of the data plane.</summary>
public sealed class ExapyteClientOptions
{
    /// <summary>Longest time for one operation with all its retries; 10 ms to 5 minutes.</summary>
    public TimeSpan OperationTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// Longest wait for one replica, 10 ms to 5 minutes: after it a read (or a write with a request id) goes to another
    /// one, and an operation that still stands in the queue of a stuck replica leaves it. A write without a request id
    /// that is on its way waits for its whole <see cref="OperationTimeout"/> and is then unknown.
    /// </summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Longest time to reach a first node of a cluster of other processes, 100 ms to 5 minutes; after it the connection fails
    /// with <see cref="ExapyteConnectException"/>.
    /// </summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Sets up the Orleans client of a connection to a cluster of other processes, for what has no setting here (certificates:
    /// <c>client.UseTls(..)</c>); null: nothing.
    /// </summary>
    public Action<IClientBuilder>? ConfigureOrleans { get; set; }

    /// <summary>Most operations that wait for one replica, beyond which they are refused as overloaded; 1 to 1,000,000.</summary>
    public int QueuedOperationsMax { get; set; } = 16_384;

    /// <summary>Most batches in flight to one replica; 1 to 64.</summary>
    public int InflightBatchesMax { get; set; } = 2;

    /// <summary>Most operations in one batch on the wire; 1 to 10,000. An atomic batch is never cut.</summary>
    public int BatchOperationsMax { get; set; } = 512;

    /// <summary>First pause before a retry, 1 ms to 10 s; it doubles with jitter up to <see cref="RetryPauseMax"/>.</summary>
    public TimeSpan RetryPauseMin { get; set; } = TimeSpan.FromMilliseconds(5);

    /// <summary>Longest pause before a retry, <see cref="RetryPauseMin"/> to 1 minute.</summary>
    public TimeSpan RetryPauseMax { get; set; } = TimeSpan.FromMilliseconds(250);

    /// <summary>
    /// Bytes that the caches of all keyspaces may take in this process, roughly, 0 to 1 TiB; 0: nothing is kept. Only a client in
    /// the process of a node keeps any.
    /// </summary>
    public long CacheBytesMax { get; set; } = 64L << 20;

    /// <summary>The region that reads prefer; empty: none.</summary>
    public string Region { get; set; } = "";

    /// <summary>The node in whose process this client runs, whose replicas reads prefer; empty: none.</summary>
    public string LocalNode { get; set; } = "";
}
