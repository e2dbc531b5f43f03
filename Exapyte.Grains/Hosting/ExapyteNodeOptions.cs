namespace Exapyte.Grains.Hosting;

/// <summary>Who this node is. Set by the host once it has opened the data folder.</summary>
public sealed class ExapyteNodeOptions
{
    /// <summary>Stable id, also the silo's name: 1 to 63 of <c>a-z 0-9 -</c>, a letter or digit first and last.</summary>
    public string Node { get; set; } = "";

    /// <summary>The random id of the data folder; never 0.</summary>
    public ulong StoreId { get; set; }

    /// <summary>
    /// The cluster that the data folder remembers; 0 where it remembers none. A cluster with another id refuses the node,
    /// so that data is not thrown away because a control-plane database was lost or confused with another.
    /// </summary>
    public ulong ClusterId { get; set; }

    /// <summary>Region; empty where none is given.</summary>
    public string Region { get; set; } = "";

    /// <summary>Zone within the region; empty where none is given.</summary>
    public string Zone { get; set; } = "";

    /// <summary>How much the node is to carry beside the others, 1 to 100.</summary>
    public int Weight { get; set; } = 1;

    /// <summary>Address of the node's REST gateway; empty where it serves none.</summary>
    public string HttpAddress { get; set; } = "";

    /// <summary>Time between two scrubs of a raft group; zero: none; null: a day.</summary>
    public TimeSpan? ScrubInterval { get; set; }

    /// <summary>
    /// Bytes that the replicas of memory keyspaces take together, at most; null: a quarter of the memory that the process may
    /// have.
    /// </summary>
    public long? MemoryBytesMax { get; set; }

    /// <summary>How far clocks may differ, in milliseconds, 1 to 60,000; null: 500.</summary>
    public int? ClockSkewMsMax { get; set; }

    /// <summary>Path of the data folder.</summary>
    public string DataFolder { get; set; } = "";
}
