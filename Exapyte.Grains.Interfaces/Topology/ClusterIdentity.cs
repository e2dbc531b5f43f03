namespace Exapyte.Topology;

/// <summary>The name by which nodes and clients know that they speak with a cluster of this service, and not with another.</summary>
public static class ClusterIdentity
{
    /// <summary>Cluster id and service id of every cluster.</summary>
    public const string Name = "exapyte";
}
