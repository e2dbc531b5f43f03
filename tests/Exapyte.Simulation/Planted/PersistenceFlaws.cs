using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using LogIndex = Exapyte.Raft.LogIndex;

namespace Exapyte.Simulation.Planted;

/// <summary>The vote stays in memory.</summary>
internal sealed class VoteNotPersisted : Flaw
{
    public override void Alter(GroupAppend append, SimulatedReplica replica) =>
        append.State = append.State is { } state ? state with { Vote = 0 } : null;
}

/// <summary>What is known to be committed is not written with the entries that came with it.</summary>
internal sealed class CommitWrittenLater : Flaw
{
    public override void Alter(GroupAppend append, SimulatedReplica replica) =>
        append.State =
            append.State is { } state && append.Entries.Count > 0
                ? state with
                {
                    Commit = Math.Min(state.Commit, replica.Log.State.Commit),
                }
                : append.State;
}

/// <summary>Term and vote stay in memory.</summary>
internal sealed class HardStateNotPersisted : Flaw
{
    public override void Alter(GroupAppend append, SimulatedReplica replica) => append.State = null;
}

/// <summary>Term and vote are on the disk, but a starting member does not read them.</summary>
internal sealed class HardStateForgottenAtStart : Flaw
{
    public override RaftCore CreateCore(SimulatedReplica replica, ShardStateMachine machine, GroupLog log, ulong seed)
    {
        var core = base.CreateCore(replica, machine, log, seed);
        Invariants.CoreDoor.VoteOf(Invariants.CoreDoor.MemberOf(core)) = MemberId.None;
        return core;
    }
}

/// <summary>A write counts as durable when it was handed over.</summary>
internal sealed class AcknowledgedBeforeSync : Flaw
{
    public override void Submitted(ReplicaLogWriter.Submission submission, SimulatedReplica replica) =>
        submission.Complete(LogAppendResult.Ok);

    public override bool Passes(ref LogAppendResult result, SimulatedReplica replica) => false;
}

/// <summary>Now and then entries are not written, and nobody notices.</summary>
internal sealed class EntriesDropped : Flaw
{
    public override void Alter(GroupAppend append, SimulatedReplica replica)
    {
        if (replica.World.Chance.OneIn(50))
        {
            append.Entries.Clear();
        }
    }
}

/// <summary>A write that found the disk full counts as done, and the next one leaves a gap.</summary>
internal sealed class FullDiskIgnored : Flaw
{
    public override bool Passes(ref LogAppendResult result, SimulatedReplica replica)
    {
        result = result.Status == LogAppendStatus.DiskFull ? LogAppendResult.Ok : result;
        return true;
    }
}

/// <summary>The log is compacted up to what is applied, flushed or not.</summary>
internal sealed class CompactionBeyondFlush : Flaw
{
    public override (ulong Through, ulong Term) AlterCompaction(ulong through, ulong term, SimulatedReplica replica)
    {
        var applied = replica.Shard.AppliedIndex;
        return replica.Log.TermAt(applied) is { } there ? (applied, there) : (through, term);
    }
}

/// <summary>The error of a failed sync gets lost, as .NET does with it.</summary>
internal sealed class SyncErrorSwallowed : Flaw
{
    public override IFiles FilesOf(IFiles files, SimulatedNode node) => new DeafFiles(files);

    private sealed class DeafFiles(IFiles files) : IFiles
    {
        public void CreateFolder(string path) => files.CreateFolder(path);

        public IReadOnlyList<string> List(string folder) => files.List(folder);

        public bool Exists(string path) => files.Exists(path);

        public long Length(string path) => files.Length(path);

        public IFile Open(string path, FileMode mode) => new DeafFile(files.Open(path, mode));

        public void Rename(string from, string to) => files.Rename(from, to);

        public void Delete(string path) => files.Delete(path);

        public void SyncFolder(string folder) => files.SyncFolder(folder);

        public IDisposable? TryLock(string path) => files.TryLock(path);
    }

    private sealed class DeafFile(IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, bytes);

        public void DataSync()
        {
            try
            {
                file.DataSync();
            }
            catch (DiskException)
            {
                // The bug.
            }
        }

        public void Dispose() => file.Dispose();
    }
}

/// <summary>The log is not synced at all.</summary>
internal sealed class NeverSynced : Flaw
{
    public override IFiles FilesOf(IFiles files, SimulatedNode node) => new LazyFiles(files);

    private sealed class LazyFiles(IFiles files) : IFiles
    {
        public void CreateFolder(string path) => files.CreateFolder(path);

        public IReadOnlyList<string> List(string folder) => files.List(folder);

        public bool Exists(string path) => files.Exists(path);

        public long Length(string path) => files.Length(path);

        public IFile Open(string path, FileMode mode) => new LazyFile(files.Open(path, mode));

        public void Rename(string from, string to) => files.Rename(from, to);

        public void Delete(string path) => files.Delete(path);

        public void SyncFolder(string folder) => files.SyncFolder(folder);

        public IDisposable? TryLock(string path) => files.TryLock(path);
    }

    private sealed class LazyFile(IFile file) : IFile
    {
        public string Path => file.Path;

        public long Length => file.Length;

        public int Read(long offset, Span<byte> into) => file.Read(offset, into);

        public void Write(long offset, ReadOnlySpan<byte> bytes) => file.Write(offset, bytes);

        public void DataSync() { }

        public void Dispose() => file.Dispose();
    }
}
