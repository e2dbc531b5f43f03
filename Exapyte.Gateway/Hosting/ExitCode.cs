namespace Exapyte.Gateway.Hosting;

/// <summary>What the process tells its supervisor. Listed in docs/operations.md.</summary>
internal enum ExitCode
{
    Stopped = 0,

    /// <summary>Something that has no code of its own.</summary>
    Failed = 1,

    /// <summary>A setting is invalid or unknown.</summary>
    Settings = 2,

    /// <summary>The data folder is in use, belongs to another node or cannot be opened.</summary>
    DataFolder = 3,

    /// <summary>A port is taken or an address is not of this machine.</summary>
    Port = 4,

    /// <summary>The cluster's database cannot be reached or was not set up.</summary>
    Database = 5,

    /// <summary>The process was asked to stop and had not drained in time.</summary>
    DrainTimeout = 6,

    /// <summary>The cluster refuses this node.</summary>
    Node = 7,

    /// <summary>No node of the cluster answered a gateway of its own.</summary>
    Cluster = 8,
}

/// <summary>Why a start ended: an expected failure, with one line for the operator.</summary>
internal sealed record Refusal(ExitCode Code, string Reason);
