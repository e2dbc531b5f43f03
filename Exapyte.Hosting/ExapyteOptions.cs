namespace Exapyte.Hosting;

/// <summary>What a node is. Read once, when the node is added to its host; a later change is not seen.</summary>
public sealed class ExapyteOptions
{
    /// <summary>Stable id of the node: 1 to 63 of <c>a-z 0-9 -</c>, a letter or digit first and last. Must be given.</summary>
    public string Node { get; set; } = "";

    /// <summary>
    /// Folder of the node's data; created where it is missing. One process at a time has it open, and it remembers the node's
    /// id. Must be given; a relative path is one of the working folder.
    /// </summary>
    public string DataFolder { get; set; } = "";

    /// <summary>Region of the node, written like its id.</summary>
    public string Region { get; set; } = "default";

    /// <summary>Zone within the region, written like the node's id.</summary>
    public string Zone { get; set; } = "default";

    /// <summary>How much the node is to carry beside the others, 1 to 100.</summary>
    public int Weight { get; set; } = 1;

    /// <summary>
    /// Whether replicas and leaders are spread evenly over the nodes, unasked, after nodes have come or gone. The same on all
    /// nodes.
    /// </summary>
    public bool AutoBalance { get; set; } = true;

    /// <summary>
    /// IP address of the interface on which other nodes and .NET clients reach this node; its two ports are bound to it
    /// alone.
    /// </summary>
    public string AdvertisedAddress { get; set; } = "127.0.0.1";

    /// <summary>
    /// Says that <see cref="AdvertisedAddress"/> may be beyond loopback: whoever reaches its two ports is trusted whole. Set it
    /// where the network is closed to others, or where the silo's connections are secured (<c>silo.UseTls(..)</c>).
    /// </summary>
    public bool IsNetworkTrusted { get; set; }

    /// <summary>Port on which nodes reach each other; 1 to 65,535.</summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>Port on which .NET clients reach the node; 1 to 65,535, another than <see cref="SiloPort"/>.</summary>
    public int GatewayPort { get; set; } = 30000;

    /// <summary>How the node finds the others.</summary>
    public ExapyteClustering Clustering { get; set; }

    /// <summary>
    /// The database that the nodes share: <c>Data Source=(path)</c> of a SQLite file whose folder exists, or
    /// <c>Host=..;Database=..;Username=..</c>. Given exactly where <see cref="Clustering"/> is not
    /// <see cref="ExapyteClustering.None"/>.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>URL of the node's REST gateway, which other nodes pass on; empty where it serves none.</summary>
    public string HttpAddress { get; set; } = "";

    /// <summary>Time between two comparisons of the replicas of a raft shard; zero: never.</summary>
    public TimeSpan ScrubInterval { get; set; } = TimeSpan.FromDays(1);

    /// <summary>
    /// Bytes that all memory keyspaces take on this node together, at most; null: a quarter of the memory that the process
    /// may have.
    /// </summary>
    public long? MemoryBytesMax { get; set; }

    /// <summary>How far the clocks of the nodes may differ, 10 ms to 1 minute; the same on all nodes.</summary>
    public TimeSpan MaxClockSkew { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Time between two probes of another node, 100 ms to 30 s. Three missed ones declare it dead, which ends its process
    /// where it still runs: longer than any pause that the application may make. Elections do not wait for it.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Bounds what glibc's allocator keeps for the whole process, which the store needs to stay within its memory; the
    /// environment variable <c>MALLOC_ARENA_MAX</c> wins.
    /// </summary>
    public bool LimitNativeHeap { get; set; } = true;
}
