using Exapyte.Simulation.Clusters;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Planted;

/// <summary>The compaction of one group lets another group's entries go as well.</summary>
internal sealed class CompactionDropsOthers : Flaw
{
    public override void Compacted(SimulatedReplica replica, Raft.LogIndex through)
    {
        var index = LogDoor.IndexOf(LogDoor.CoreOf(replica.Node.Log));
        foreach (var other in replica.Node.Replicas.Values)
        {
            if (other != replica && index.Find(other.LogId) is { LastIndex: > 0 } group)
            {
                var last = Math.Min(through.Value, group.LastIndex);
                group.CompactThrough(last, group.TermAt(last) ?? group.CompactedTerm, index.Segments);
            }
        }
    }
}

/// <summary>An entry is let go and still counted: its segment is never released.</summary>
internal sealed class SegmentPinnedForEver : Flaw
{
    public override void Compacted(SimulatedReplica replica, Raft.LogIndex through)
    {
        var segments = LogDoor.IndexOf(LogDoor.CoreOf(replica.Node.Log)).Segments;
        if (segments.Oldest is { } oldest && oldest != segments.Newest)
        {
            oldest.AddLive(replica.LogId, entries: 1, bytes: LogFormat.RecordHeaderBytes);
        }
    }
}

/// <summary>A live entry that is copied out of an old segment truncates the log behind it when the log is read again.</summary>
internal sealed class RewrittenEntryTruncates : Flaw
{
    public override IFiles FilesOf(IFiles files, SimulatedNode node) =>
        new WatchedFiles(files, bytes => Rewrite(bytes, node));

    private static byte[] Rewrite(ReadOnlySpan<byte> bytes, SimulatedNode node)
    {
        var altered = bytes.ToArray();
        if (node.Log is null || LogDoor.FilesOf(LogDoor.CoreOf(node.Log)).Active is not { } active)
        {
            return altered;
        }
        if (BatchHeader.Read(altered, active.Seed) is not { } batch)
        {
            return altered;
        }
        var at = LogFormat.BatchHeaderBytes;
        for (var i = 0; i < batch.Records; i++)
        {
            var record = RecordHeader.ReadTrusted(altered.AsSpan(at));
            if (record.Kind == RecordKind.RewrittenEntry)
            {
                (record with { Kind = RecordKind.Entry }).Write(altered.AsSpan(at), active.Seed);
            }
            at += record.TotalBytes;
        }
        var body = altered.AsSpan(LogFormat.BatchHeaderBytes, batch.BodyBytes);
        (batch with { BodyChecksum = LogChecksum.Compute(active.Seed, body) }).Write(altered, active.Seed);
        return altered;
    }
}

/// <summary>Two groups of a node keep their state at the same place of its store.</summary>
internal sealed class StorePrefixShared : Flaw
{
    public override ulong PrefixOf(ulong issued) => Math.Max(issued, 2);
}

/// <summary>Damage to one group's records quarantines all groups of the node.</summary>
internal sealed class QuarantineSpreads : Flaw
{
    public override NodeLogRecovery Alter(NodeLogRecovery recovery)
    {
        var reason = recovery.Groups.Select(group => group.Quarantined).FirstOrDefault(reason => reason is not null);
        return reason is null
            ? recovery
            : recovery with
            {
                Groups = [.. recovery.Groups.Select(group => group with { Quarantined = reason })],
            };
    }
}

/// <summary>Bytes on their way to a file, to be replaced.</summary>
internal delegate byte[] Replace(ReadOnlySpan<byte> bytes);

/// <summary>Files whose writes are altered on their way.</summary>
internal sealed class WatchedFiles(IFiles files, Replace replace) : IFiles
{
    public void CreateFolder(string path) => files.CreateFolder(path);

    public IReadOnlyList<string> List(string folder) => files.List(folder);

    public bool Exists(string path) => files.Exists(path);

    public long Length(string path) => files.Length(path);

    public IFile Open(string path, FileMode mode) => new WatchedFile(files.Open(path, mode), replace);

    public void Rename(string from, string to) => files.Rename(from, to);

    public void Delete(string path) => files.Delete(path);

    public void SyncFolder(string folder) => files.SyncFolder(folder);

    public IDisposable? TryLock(string path) => files.TryLock(path);

    private sealed class WatchedFile(IFile file, Replace replace) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, replace(bytes));

        public void DataSync() => file.DataSync();

        public void Dispose() => file.Dispose();
    }
}
