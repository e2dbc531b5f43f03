using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Node;

namespace Exapyte.Storage.Inspection;

/// <summary>
/// Looks into the data folder of a node that is not running: reads all of it, by the code that a start runs, and changes
/// nothing.
/// </summary>
public static class DataFolderInspector
{
    /// <summary>Reads a folder.</summary>
    /// <param name="path">The data folder.</param>
    /// <param name="storePrefixOf">Reads a replica's prefix in the store out of its description; null where it has none.</param>
    /// <exception cref="DataFolderException">It is none, is in use, or was written by a newer version.</exception>
    public static DataFolderInspection Inspect(string path, Func<ReadOnlyMemory<byte>, ulong?> storePrefixOf)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        ArgumentNullException.ThrowIfNull(storePrefixOf);
        path = Path.GetFullPath(path);
        if (!Directory.Exists(path))
            throw new DataFolderException($"there is no data folder {path}");
        using var held =
            InspectedFiles.Instance.TryLock(Path.Combine(path, DataFolder.LockName))
            ?? throw new DataFolderException($"data folder {path} is in use by another process: stop it first");
        if (!Directory.Exists(Path.Combine(path, DataFolder.LogName)))
            throw new DataFolderException($"{path} is no data folder: it has no '{DataFolder.LogName}'");

        List<InspectedDamage> damage = [];
        var identity = ReadIdentity(path, damage);
        var documents = ReadDocuments(path, damage);
        var (segments, recovery) = ReadLog(path, damage);
        List<InspectedGroup> groups = [];
        using var store = new StoreInspector(damage);
        store.Open(Path.Combine(path, DataFolder.StoreName));
        foreach (var group in recovery?.Groups ?? [])
        {
            var (applied, rows) = (group.Snapshot?.Prefix ?? storePrefixOf(group.Descriptor)) is { } prefix
                ? store.Inspect(prefix)
                : (null, 0);
            groups.Add(new InspectedGroup(group, applied, rows));
        }
        return new DataFolderInspection(
            identity?.NodeId,
            identity?.StoreId,
            segments,
            groups,
            documents,
            damage,
            recovery?.Tail
        );
    }

    static NodeIdentity? ReadIdentity(string path, List<InspectedDamage> damage)
    {
        var file = Path.Combine(path, DataFolder.IdentityName);
        try
        {
            return NodeIdentity.Read(AtomicFile.Read(InspectedFiles.Instance, file), file);
        }
        catch (Exception failure) when (failure is DataFolderException or DiskException)
        {
            damage.Add(new InspectedDamage(DataFolder.IdentityName, null, failure.Message));
            return null;
        }
    }

    static int ReadDocuments(string path, List<InspectedDamage> damage)
    {
        var folder = new DocumentFolder(Path.Combine(path, DataFolder.DocumentsName), InspectedFiles.Instance);
        var whole = 0;
        foreach (var name in folder.List())
        {
            try
            {
                folder.Read(name);
                whole++;
            }
            catch (Exception failure) when (failure is DataFolderException or DiskException or ArgumentException)
            {
                damage.Add(new InspectedDamage(Path.Combine(DataFolder.DocumentsName, name), null, failure.Message));
            }
        }
        return whole;
    }

    static (IReadOnlyList<InspectedSegment> Segments, NodeLogRecovery? Recovery) ReadLog(
        string path,
        List<InspectedDamage> damage
    )
    {
        try
        {
            var folder = Path.Combine(path, DataFolder.LogName);
            var log = new LogRecoverer(folder, new NodeLogOptions(), InspectedFiles.Instance, newLogId: 0).Run();
            List<InspectedSegment> segments = [];
            foreach (var segment in log.Index.Segments.All)
            {
                var entries = segment.Live.Values.Sum(live => (long)live.Count);
                segments.Add(new(segment.Number, segment.End, segment.Batches, entries, segment.LiveBytes));
                segment.Dispose();
            }
            damage.AddRange(log.Recovery.Damage.Select(found => Relative(found)));
            return (segments, log.Recovery);
        }
        catch (Exception failure) when (failure is NodeLogException or DiskException)
        {
            damage.Add(new InspectedDamage(DataFolder.LogName, null, failure.Message));
            return ([], null);
        }
    }

    static InspectedDamage Relative(LogDamage found) =>
        new(Path.Combine(DataFolder.LogName, found.File), found.Offset, found.Reason);
}
