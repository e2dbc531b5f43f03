using System.Security.Cryptography;
using System.Text;

namespace Exapyte.Topology;

/// <summary>The name by which nodes and clients know that they speak with a cluster of this service, and not with another.</summary>
public static class ClusterIdentity
{
    /// <summary>Cluster id and service id of every cluster.</summary>
    public const string Name = "exapyte";

    /// <summary>The purpose of the key by which gateways sign what callers hand back: cursors, sessions, places in a feed.</summary>
    public const string SigningPurpose = "cursors";

    /// <summary>
    /// A key that all nodes and gateways of a cluster derive alike and no caller knows, for signing what callers hand back.
    /// </summary>
    /// <param name="clusterId">The cluster's id.</param>
    /// <param name="purpose">What it is for; each purpose has its own key.</param>
    public static byte[] KeyOf(ulong clusterId, string purpose) =>
        SHA256.HashData(Encoding.UTF8.GetBytes($"exapyte/{purpose}/{clusterId:x16}"));
}
