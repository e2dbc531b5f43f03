namespace Exapyte.Storage.Log;

/// <summary>
/// Encodes one batch into a buffer that is kept for the next. Pinned, so that the write passes it to the system as it is.
/// </summary>
sealed class BatchBuffer
{
    const int SmallestBytes = 64 << 10;

    byte[] _bytes = GC.AllocateUninitializedArray<byte>(SmallestBytes, pinned: true);
    int _length;
    uint _seed;
    long _offset;

    public int Records { get; private set; }

    /// <summary>Starts a batch that will stand at an offset of a segment.</summary>
    public void Begin(uint seed, long offset)
    {
        _seed = seed;
        _offset = offset;
        _length = LogFormat.BatchHeaderBytes;
        Records = 0;
    }

    /// <summary>Adds a record; returns its offset in the segment.</summary>
    public int Add(
        RecordKind kind,
        GroupIndex? group,
        ulong term,
        ulong index,
        ReadOnlySpan<byte> payload,
        byte entryKind = 0
    )
    {
        Ensure(LogFormat.RecordBytes(payload.Length));
        payload.CopyTo(_bytes.AsSpan(_length + LogFormat.RecordHeaderBytes));
        return Finish(kind, group, term, index, payload.Length, entryKind);
    }

    /// <summary>Adds all about a group but its entries. Restates and so takes no ordinal: losing it loses nothing.</summary>
    public void AddCheckpoint(GroupIndex group)
    {
        var bytes = GroupCheckpoint.Bytes(group);
        Ensure(LogFormat.RecordBytes(bytes));
        GroupCheckpoint.Write(group, _bytes.AsSpan(_length + LogFormat.RecordHeaderBytes, bytes));
        Finish(RecordKind.GroupCheckpoint, group, 0, 0, bytes, 0);
    }

    /// <summary>Seals the batch: header, checksums, zeros up to the next boundary.</summary>
    public ReadOnlySpan<byte> Finish(ulong sequence)
    {
        var total = (int)LogFormat.AlignUp(_length);
        Ensure(total - _length);
        _bytes.AsSpan(_length, total - _length).Clear();
        var body = _bytes.AsSpan(LogFormat.BatchHeaderBytes, _length - LogFormat.BatchHeaderBytes);
        new BatchHeader(body.Length, LogChecksum.Compute(_seed, body), sequence, Records).Write(_bytes, _seed);
        return _bytes.AsSpan(0, total);
    }

    int Finish(RecordKind kind, GroupIndex? group, ulong term, ulong index, int payloadBytes, byte entryKind)
    {
        var start = _length;
        var payload = _bytes.AsSpan(start + LogFormat.RecordHeaderBytes, payloadBytes);
        var ordinal = NextOrdinal(kind, group);
        var checksum = LogChecksum.Compute(_seed, payload);
        new RecordHeader(
            kind,
            entryKind,
            ordinal,
            group?.Id ?? GroupId.Node,
            term,
            index,
            payloadBytes,
            checksum
        ).Write(_bytes.AsSpan(start), _seed);
        _length += LogFormat.RecordBytes(payloadBytes);
        Records++;
        return checked((int)(_offset + start));
    }

    static uint NextOrdinal(RecordKind kind, GroupIndex? group) =>
        group is null ? 0
        : kind == RecordKind.GroupCheckpoint ? group.StagedOrdinal
        : ++group.StagedOrdinal;

    void Ensure(int more)
    {
        if (_length + more <= _bytes.Length)
            return;
        var length = Math.Max(_bytes.Length * 2, (int)LogFormat.AlignUp(_length + more));
        var bytes = GC.AllocateUninitializedArray<byte>(length, pinned: true);
        _bytes.AsSpan(0, _length).CopyTo(bytes);
        _bytes = bytes;
    }
}
