using System.Buffers.Binary;
using Exapyte.Storage.Node;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The id of the cluster that a data folder belongs to, remembered in the folder: a control plane of another cluster (a
/// lost or confused database) knows none of its replicas and must not be able to have them destroyed.
/// </summary>
internal static class ClusterMemory
{
    private const string Document = "cluster";

    /// <summary>The remembered id; 0 where there is none yet.</summary>
    public static ulong Read(DataFolder folder) =>
        folder.ReadDocument(Document) is { } bytes ? BinaryPrimitives.ReadUInt64LittleEndian(bytes) : 0;

    /// <summary>Remembers the id of the cluster that accepted the node.</summary>
    public static void Remember(DataFolder folder, ulong clusterId)
    {
        if (Read(folder) == clusterId)
        {
            return;
        }
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, clusterId);
        folder.WriteDocument(Document, bytes);
    }
}
