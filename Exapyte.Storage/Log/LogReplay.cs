using System.Buffers.Binary;

namespace Exapyte.Storage.Log;

/// <summary>Applies records in the order of the log to the groups that they speak of.</summary>
sealed class LogReplay
{
    readonly Dictionary<GroupId, RecoveringGroup> _groups = [];
    readonly HashSet<GroupId> _named = [];
    ulong? _checkpointLeft;

    public long ClockHighWater { get; private set; }

    /// <summary>Records were lost of which one may have raised the clock.</summary>
    public bool ClockInDoubt { get; private set; }

    public IEnumerable<RecoveringGroup> Groups => _groups.Values;

    /// <summary>Records were lost that may be of any group.</summary>
    public void MarkUnproven(string reason)
    {
        _checkpointLeft = null;
        ClockInDoubt = true;
        foreach (var group in _groups.Values)
            group.MarkUnproven(reason);
    }

    /// <param name="header">The record's head, verified.</param>
    /// <param name="payload">Its payload; meaningless if damaged.</param>
    /// <param name="position">Where the record stands.</param>
    /// <param name="damage">Why the payload cannot be used; null if it verifies.</param>
    public void Apply(RecordHeader header, ReadOnlySpan<byte> payload, EntryPosition position, string? damage = null)
    {
        switch (header.Kind)
        {
            case RecordKind.ClockHighWater:
                ClockHighWater = Math.Max(ClockHighWater, (long)header.Index);
                ClockInDoubt &= _checkpointLeft is null;
                EndCheckpointIfComplete();
                return;
            case RecordKind.CheckpointStart:
                _named.Clear();
                _checkpointLeft = header.Index;
                return;
            default:
                ApplyToGroup(header, payload, position, damage);
                return;
        }
    }

    void ApplyToGroup(RecordHeader header, ReadOnlySpan<byte> payload, EntryPosition position, string? damage)
    {
        if (!_groups.TryGetValue(header.Group, out var group))
            _groups.Add(header.Group, group = new RecoveringGroup(header.Group));
        group.Take(header.Ordinal, isCheckpoint: header.Kind == RecordKind.GroupCheckpoint);
        switch (header.Kind)
        {
            case RecordKind.Entry:
                group.Append(header.Index, header.Term, damage is null ? position : default, damage);
                break;
            case RecordKind.RewrittenEntry:
                if (damage is null)
                    group.Rewrite(header.Index, header.Term, position);
                break;
            case RecordKind.Compacted:
                group.Compact(header.Index, header.Term);
                break;
            case RecordKind.ReplicaDestroyed:
                group.Reset(0, 0);
                group.Destroyed = true;
                group.Descriptor = null;
                group.Snapshot = null;
                group.Quarantined = null;
                break;
            case RecordKind.DestroyedForgotten:
                _groups.Remove(header.Group);
                break;
            default:
                if (damage is null)
                    ApplyMetadata(group, header, payload);
                else if (header.Kind == RecordKind.GroupCheckpoint)
                    group.MissCheckpoint(damage);
                else
                    group.DoubtMetadata(damage);
                break;
        }
        if (header.Kind == RecordKind.GroupCheckpoint && _checkpointLeft is not null)
        {
            _named.Add(header.Group);
            _checkpointLeft--;
            EndCheckpointIfComplete();
        }
    }

    static void ApplyMetadata(RecoveringGroup group, RecordHeader header, ReadOnlySpan<byte> payload)
    {
        switch (header.Kind)
        {
            case RecordKind.State:
                group.State = new GroupState(
                    header.Term,
                    BinaryPrimitives.ReadUInt64LittleEndian(payload),
                    header.Index
                );
                break;
            case RecordKind.Descriptor:
                group.Descriptor = payload.ToArray();
                break;
            case RecordKind.SnapshotInstalled:
                group.Reset(header.Index, header.Term);
                group.Snapshot = SnapshotInstalledCommand.Read(header, payload);
                break;
            case RecordKind.GroupCheckpoint:
                group.Restate(GroupCheckpoint.Read(payload));
                break;
            default:
                throw new NodeLogException($"record kind {(byte)header.Kind} is unknown: written by a newer version?");
        }
    }

    /// <summary>A group that a whole checkpoint does not name was forgotten in records that are damaged.</summary>
    void EndCheckpointIfComplete()
    {
        if (_checkpointLeft != 0)
            return;
        _checkpointLeft = null;
        foreach (var id in _groups.Keys.Where(id => !_named.Contains(id)).ToArray())
            _groups.Remove(id);
    }
}
