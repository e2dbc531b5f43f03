using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace Exapyte.Storage.Log;

/// <summary>
/// What one group wants durable, atomically: a new state, entries, or both. The first entry's index truncates what stands
/// at or behind it in that group. Entries are contiguous, begin at most one behind the last entry, and never at or before
/// the compacted prefix.
/// </summary>
public sealed class GroupAppend : LogCommand
{
    int _firstOffset;

    /// <summary>The new state, or null to leave it.</summary>
    public GroupState? State { get; set; }

    /// <summary>The entries.</summary>
    [SuppressMessage("Design", "MA0016", Justification = "Filled and walked for every write: no interface calls here")]
    public List<LogRecordEntry> Entries { get; } = [];

    /// <summary>
    /// An append that was submitted before this one, and without which this one must not be in the log: it is refused like
    /// that. An entry that found the disk full may be followed by a smaller one that fits, and would be followed by one that
    /// stands behind another than its sender meant, or by a state that knows more than the log holds. Null: none.
    /// </summary>
    /// <remarks>An append that another one names is not to be used again.</remarks>
    public GroupAppend? After { get; set; }

    /// <summary>Empties it for another use.</summary>
    public void Clear()
    {
        After = null;
        Failure = null;
        Group = default;
        State = null;
        Entries.Clear();
        MustSync = true;
        Completion = null;
    }

    internal override long RecordsBytes
    {
        get
        {
            long bytes = State is null ? 0 : LogFormat.RecordBytes(sizeof(ulong));
            foreach (var entry in Entries)
                bytes += LogFormat.RecordHeaderBytes + (long)entry.Payload.Length;
            return bytes;
        }
    }

    internal override LogAppendResult Stage(LogIndex index)
    {
        if (After is { } before && (before.Failure ?? before.Result) is { IsOk: false } missing)
            return new(missing.Status, $"a write before it is not in the log: {missing.Reason}");
        if (RecordsBytes > index.Options.AppendBytesMax)
            return new(
                LogAppendStatus.TooLarge,
                $"append of {RecordsBytes} bytes; at most {index.Options.AppendBytesMax}"
            );
        if (index.StageHosted(Group, out var refusal) is not { } group)
            return refusal;
        if (Entries.Count > 0)
        {
            var first = Entries[0].Index;
            if (first <= group.StagedCompacted || first > group.StagedLast + 1)
                return Invalid($"entry {first} does not fit ({group.StagedCompacted}, {group.StagedLast}]");
            for (var i = 1; i < Entries.Count; i++)
            {
                if (Entries[i].Index != first + (ulong)i)
                    return Invalid($"entry {Entries[i].Index} follows {Entries[i - 1].Index}");
            }
            group.StagedLast = Entries[^1].Index;
        }
        Target = group;
        return LogAppendResult.Ok;
    }

    internal override void Encode(BatchBuffer batch)
    {
        if (State is { } state)
        {
            Span<byte> vote = stackalloc byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(vote, state.Vote);
            batch.Add(RecordKind.State, Target, state.Term, state.Commit, vote);
        }
        for (var i = 0; i < Entries.Count; i++)
        {
            var entry = Entries[i];
            var offset = batch.Add(RecordKind.Entry, Target, entry.Term, entry.Index, entry.Payload.Span, entry.Kind);
            if (i == 0)
                _firstOffset = offset;
        }
    }

    internal override void Apply(LogIndex index, Segment segment)
    {
        var group = Target!;
        lock (group.Gate)
        {
            group.State = State ?? group.State;
            if (Entries.Count == 0)
                return;
            group.TruncateFrom(Entries[0].Index, index.Segments);
            var offset = _firstOffset;
            foreach (var entry in Entries)
            {
                var bytes = LogFormat.RecordBytes(entry.Payload.Length);
                group.Append(entry.Index, entry.Term, new EntryPosition(segment.Number, offset, bytes));
                offset += bytes;
            }
            segment.AddLive(group.Id, Entries.Count, offset - _firstOffset);
        }
    }

    private protected override void Ended() => After = null;

    LogAppendResult Invalid(string reason) => new(LogAppendStatus.Invalid, $"group {Group}: {reason}");
}
