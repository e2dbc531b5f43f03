using System.Buffers.Binary;

namespace Exapyte.Storage.Log;

/// <summary>Creates a group or replaces its description.</summary>
sealed class SetDescriptorCommand(ReadOnlyMemory<byte> descriptor) : LogCommand
{
    readonly byte[] _descriptor = descriptor.ToArray();

    internal override long RecordsBytes => LogFormat.RecordBytes(_descriptor.Length);

    internal override LogAppendResult Stage(LogIndex index)
    {
        if (Group == GroupId.Node)
            return new(LogAppendStatus.Invalid, "group id 0 is the node itself");
        if (_descriptor.Length > index.Options.DescriptorBytesMax)
            return new(
                LogAppendStatus.TooLarge,
                $"descriptor of {_descriptor.Length} bytes; at most {index.Options.DescriptorBytesMax}"
            );
        var group = index.Stage(Group);
        if (group is { StagedDestroyed: true } or { Destroyed: true })
            return new(LogAppendStatus.Destroyed, $"group {Group} was destroyed on this node");
        if (group is { Quarantined: { } reason })
            return new(LogAppendStatus.Quarantined, $"group {Group} is quarantined: {reason}");
        // Room for the description and for what the group may say about itself later.
        var more = _descriptor.Length + (group is null ? new GroupIndex(Group).CheckpointBytes : 0);
        var fits = index.StageCheckpointBytes(more);
        if (!fits.IsOk)
            return fits;
        Target = group ?? index.StageNew(Group);
        Target.StagedHosted = true;
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch) => batch.Add(RecordKind.Descriptor, Target, 0, 0, _descriptor);

    internal override void Apply(LogIndex index, Segment segment) =>
        index.Change(Target!, _descriptor, static (group, bytes) => group.Descriptor = bytes);
}

/// <summary>Forgets entries through an index.</summary>
sealed class CompactCommand(ulong through, ulong term) : LogCommand
{
    bool _obsolete;

    internal override bool FreesSpace => true;

    internal override long RecordsBytes => LogFormat.RecordBytes(0);

    internal override LogAppendResult Stage(LogIndex index)
    {
        if (index.StageHosted(Group, out var refusal) is not { } group)
            return refusal;
        if (through > group.StagedLast)
            return new(
                LogAppendStatus.Invalid,
                $"group {Group}: compaction through {through}, last is {group.StagedLast}"
            );
        Target = group;
        _obsolete = through <= group.StagedCompacted;
        group.StagedCompacted = Math.Max(through, group.StagedCompacted);
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch)
    {
        if (!_obsolete)
            batch.Add(RecordKind.Compacted, Target, term, through, []);
    }

    internal override void Apply(LogIndex index, Segment segment)
    {
        if (_obsolete)
            return;
        lock (Target!.Gate)
            Target.CompactThrough(through, term, index.Segments);
    }
}

/// <summary>Replaces a group's log by a snapshot in the state store.</summary>
sealed class SnapshotInstalledCommand(SnapshotRecord snapshot) : LogCommand
{
    const int PrefixBytes = sizeof(ulong);

    readonly SnapshotRecord _snapshot = snapshot with { Configuration = snapshot.Configuration.ToArray() };

    internal override long RecordsBytes => LogFormat.RecordBytes(PrefixBytes + _snapshot.Configuration.Length);

    internal override LogAppendResult Stage(LogIndex index)
    {
        if (_snapshot.Configuration.Length > index.Options.DescriptorBytesMax)
            return new(
                LogAppendStatus.TooLarge,
                $"configuration of {_snapshot.Configuration.Length} bytes; at most {index.Options.DescriptorBytesMax}"
            );
        if (index.StageHosted(Group, out var refusal) is not { } group)
            return refusal;
        if (_snapshot.Index < group.StagedCompacted)
            return new(
                LogAppendStatus.Invalid,
                $"group {Group}: snapshot at {_snapshot.Index} behind the compacted prefix {group.StagedCompacted}"
            );
        var fits = index.StageCheckpointBytes(4 * PrefixBytes + _snapshot.Configuration.Length);
        if (!fits.IsOk)
            return fits;
        Target = group;
        group.StagedLast = _snapshot.Index;
        group.StagedCompacted = _snapshot.Index;
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch)
    {
        var payload = new byte[PrefixBytes + _snapshot.Configuration.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(payload, _snapshot.Prefix);
        _snapshot.Configuration.Span.CopyTo(payload.AsSpan(PrefixBytes));
        batch.Add(RecordKind.SnapshotInstalled, Target, _snapshot.Term, _snapshot.Index, payload);
    }

    internal override void Apply(LogIndex index, Segment segment)
    {
        lock (Target!.Gate)
            Target.Reset(_snapshot.Index, _snapshot.Term, index.Segments);
        index.Change(Target, _snapshot, static (group, installed) => group.Snapshot = installed);
    }

    public static SnapshotRecord Read(RecordHeader header, ReadOnlySpan<byte> payload) =>
        new(
            BinaryPrimitives.ReadUInt64LittleEndian(payload),
            header.Index,
            header.Term,
            payload[PrefixBytes..].ToArray()
        );
}

/// <summary>Ends a group; only that it was destroyed is remembered.</summary>
sealed class DestroyCommand : LogCommand
{
    internal override bool FreesSpace => true;

    internal override long RecordsBytes => LogFormat.RecordBytes(0);

    internal override LogAppendResult Stage(LogIndex index)
    {
        var group = index.Stage(Group);
        if (group is null or { StagedHosted: false, StagedDestroyed: false })
            return new(LogAppendStatus.UnknownGroup, $"group {Group} is not hosted here");
        Target = group;
        group.StagedDestroyed = true;
        group.StagedHosted = false;
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch) => batch.Add(RecordKind.ReplicaDestroyed, Target, 0, 0, []);

    internal override void Apply(LogIndex index, Segment segment)
    {
        lock (Target!.Gate)
            Target.Reset(Target.CompactedIndex, Target.CompactedTerm, index.Segments);
        index.Change(
            Target,
            argument: 0,
            static (group, _) =>
            {
                group.Destroyed = true;
                group.Descriptor = null;
                group.Snapshot = null;
                group.Quarantined = null;
            }
        );
    }
}

/// <summary>Forgets that a group was destroyed.</summary>
sealed class ForgetDestroyedCommand : LogCommand
{
    internal override bool FreesSpace => true;

    internal override long RecordsBytes => LogFormat.RecordBytes(0);

    internal override LogAppendResult Stage(LogIndex index)
    {
        var group = index.Stage(Group);
        if (group is null or { StagedDestroyed: false, StagedHosted: false })
            return new(LogAppendStatus.UnknownGroup, $"group {Group} is not known here");
        if (!group.StagedDestroyed)
            return new(LogAppendStatus.Invalid, $"group {Group} is alive");
        Target = group;
        group.StagedDestroyed = false;
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch) => batch.Add(RecordKind.DestroyedForgotten, Target, 0, 0, []);

    internal override void Apply(LogIndex index, Segment segment) => index.Remove(Target!);
}

/// <summary>Raises the node's clock high-water mark.</summary>
sealed class ClockHighWaterCommand(long stamp) : LogCommand
{
    internal override long RecordsBytes => LogFormat.RecordBytes(0);

    internal override LogAppendResult Stage(LogIndex index) => LogAppendResult.Ok;

    internal override void Encode(BatchBuffer batch) =>
        batch.Add(RecordKind.ClockHighWater, group: null, 0, (ulong)stamp, []);

    internal override void Apply(LogIndex index, Segment segment) =>
        index.ClockHighWater = Math.Max(index.ClockHighWater, stamp);
}
