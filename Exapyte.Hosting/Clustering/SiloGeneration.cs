using System.Buffers.Binary;
using Exapyte.Storage.Files;
using Exapyte.Storage.Node;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// Issues the generation by which the cluster tells the starts of a node apart: of two silos at one address the one with the
/// lower generation is taken for the elder and ends itself. Orleans takes the wall clock in seconds; so that a node also
/// starts when its clock has gone back, the last one is kept in the data folder and never met again.
/// </summary>
internal static class SiloGeneration
{
    internal const string Document = "generation";

    /// <summary>The next generation; remembered durably when this returns.</summary>
    /// <param name="folder">The node's data folder.</param>
    /// <param name="now">The generation that the wall clock gives.</param>
    /// <exception cref="DataFolderException">The document does not verify.</exception>
    /// <exception cref="DiskException">It could not be written, and not for want of space.</exception>
    public static int Next(DataFolder folder, int now)
    {
        int generation = folder.ReadDocument(Document) is { Length: sizeof(int) } last
            ? Math.Max(now, BinaryPrimitives.ReadInt32LittleEndian(last) + 1)
            : now;
        Span<byte> bytes = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, generation);
        try
        {
            folder.WriteDocument(Document, bytes);
        }
        catch (DiskException full) when (full.IsDiskFull)
        {
            // A node starts on a full disk. It is forgotten by the next start, which matters only if the clock goes back.
        }
        return generation;
    }
}
