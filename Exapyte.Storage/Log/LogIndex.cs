using System.Collections.Concurrent;

namespace Exapyte.Storage.Log;

/// <summary>All groups of a node's log, and what belongs to the node itself. Written by the writer alone.</summary>
sealed class LogIndex(SegmentTable segments, NodeLogOptions options)
{
    readonly ConcurrentDictionary<GroupId, GroupIndex> _groups = new();
    long _batch;
    long _checkpointBytes;
    long _stagedCheckpointBytes;

    public SegmentTable Segments => segments;

    public NodeLogOptions Options => options;

    public long ClockHighWater { get; set; }

    /// <summary>Groups that a checkpoint names.</summary>
    public IEnumerable<GroupIndex> Known =>
        _groups.Values.Where(g => g.IsHosted || g.Destroyed).OrderBy(g => g.Id.Value);

    public int HostedCount => _groups.Values.Count(g => g.IsHosted);

    public GroupIndex? Find(GroupId id) => _groups.GetValueOrDefault(id);

    public void Add(GroupIndex group)
    {
        _groups[group.Id] = group;
        _checkpointBytes += group.CheckpointBytes;
    }

    public void Remove(GroupIndex group)
    {
        _groups.TryRemove(group.Id, out _);
        _checkpointBytes -= group.CheckpointBytes;
    }

    /// <summary>Forgets what was staged for a batch that was not written.</summary>
    public void BeginBatch()
    {
        _batch++;
        _stagedCheckpointBytes = _checkpointBytes;
    }

    /// <summary>The group with its staged values as of the commands staged before; null if it is unknown.</summary>
    public GroupIndex? Stage(GroupId id)
    {
        var group = Find(id);
        if (group is null || group.StagedIn == _batch)
            return group;
        group.StagedIn = _batch;
        group.StagedHosted = group.IsHosted;
        group.StagedDestroyed = group.Destroyed;
        group.StagedLast = group.LastIndex;
        group.StagedCompacted = group.CompactedIndex;
        group.StagedOrdinal = group.Ordinal;
        return group;
    }

    /// <summary>The group if it may be written to, or why not.</summary>
    public GroupIndex? StageHosted(GroupId id, out LogAppendResult refusal)
    {
        var group = Stage(id);
        refusal = group switch
        {
            { StagedDestroyed: true } => new(LogAppendStatus.Destroyed, $"group {id} was destroyed on this node"),
            null or { StagedHosted: false } => new(LogAppendStatus.UnknownGroup, $"group {id} is not hosted here"),
            { Quarantined: { } reason } => new(LogAppendStatus.Quarantined, $"group {id} is quarantined: {reason}"),
            _ => default,
        };
        return refusal.IsOk ? group : null;
    }

    /// <summary>Stages a group that has no records yet.</summary>
    public GroupIndex StageNew(GroupId id)
    {
        var group = new GroupIndex(id);
        Add(group);
        return Stage(id)!;
    }

    /// <summary>
    /// Whether a checkpoint may grow by so many bytes and still fit into a segment with room to spare; counts them if so.
    /// </summary>
    public LogAppendResult StageCheckpointBytes(int bytes)
    {
        if (_stagedCheckpointBytes + bytes > options.CheckpointBytesMax)
            return new(
                LogAppendStatus.TooLarge,
                $"descriptions of all groups would exceed {options.CheckpointBytesMax} bytes, a quarter of a segment"
            );
        _stagedCheckpointBytes += bytes;
        return LogAppendResult.Ok;
    }

    /// <summary>Changes what a checkpoint says about a group.</summary>
    public void Change<TArgument>(GroupIndex group, TArgument argument, Action<GroupIndex, TArgument> change)
    {
        lock (group.Gate)
        {
            var before = group.CheckpointBytes;
            change(group, argument);
            _checkpointBytes += group.CheckpointBytes - before;
        }
    }

    /// <summary>Bytes of a checkpoint of everything now.</summary>
    public long CheckpointBytes() => 2 * LogFormat.RecordBytes(0) + Known.Sum(g => (long)g.CheckpointBytes);

    public void EncodeCheckpoint(BatchBuffer batch)
    {
        batch.Add(RecordKind.CheckpointStart, group: null, 0, (ulong)Known.LongCount(), []);
        batch.Add(RecordKind.ClockHighWater, group: null, 0, (ulong)ClockHighWater, []);
        foreach (var group in Known)
        {
            Stage(group.Id);
            batch.AddCheckpoint(group);
        }
    }

    /// <summary>The batch is durable: its ordinals are taken.</summary>
    public void Commit(GroupIndex group)
    {
        if (group.StagedIn == _batch)
            group.Ordinal = group.StagedOrdinal;
    }

    public void CommitAll()
    {
        foreach (var group in _groups.Values)
            Commit(group);
    }
}
