namespace Exapyte.Grains.ControlPlane;

/// <summary>How patient the control plane is. The defaults suit production; tests shorten them.</summary>
public sealed class ControlPlaneOptions
{
    /// <summary>Name of the grain storage that holds the control plane's state.</summary>
    public const string Storage = "control";

    /// <summary>For how long one read or write of the control-plane database is awaited.</summary>
    public TimeSpan StorageTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>For how long one push of a map to a node is awaited.</summary>
    public TimeSpan PushTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>First wait before unfinished work is taken up again; each further wait is twice as long.</summary>
    public TimeSpan RetryMin { get; set; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest wait before unfinished work is taken up again.</summary>
    public TimeSpan RetryMax { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time between two looks of a keyspace at the nodes that hold its replicas and at those that could.</summary>
    public TimeSpan WatchInterval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>The same while the membership of some of its shards is changing.</summary>
    public TimeSpan ChangeWatchInterval { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>For how long a node must be away before its raft replicas are replaced on others.</summary>
    public TimeSpan ReplaceAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Most shards of one keyspace whose membership changes at one time.</summary>
    public int ChangingShardsMax { get; set; } = 4;

    /// <summary>Most shards of the whole cluster whose replicas are moved at one time although nothing compels them to.</summary>
    public int MovingShardsMax { get; set; } = 8;

    /// <summary>
    /// Whether replicas and leaders are spread evenly over the nodes, unasked, after nodes have come or gone.
    /// </summary>
    public bool AutoBalance { get; set; } = true;

    /// <summary>For how long the nodes must have been the same, and alive or not, before that is begun.</summary>
    public TimeSpan AutoBalanceAfter { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>For how long one node or keyspace is waited for when all are asked how nodes stand.</summary>
    public TimeSpan ReportTimeout { get; set; } = TimeSpan.FromSeconds(2);
}
