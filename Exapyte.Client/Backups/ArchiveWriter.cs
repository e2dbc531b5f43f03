using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Exapyte.Wire;

namespace Exapyte.Client.Backups;

/// <summary>Writes an archive: header, blocks, trailer. See <see cref="ArchiveFormat"/>. One thread at a time.</summary>
internal sealed class ArchiveWriter(IBufferWriter<byte> output)
{
    private readonly XxHash3 all = new();
    private readonly ArrayBufferWriter<byte> payload = new();
    private long blocks;

    /// <summary>Entries written.</summary>
    public long Entries { get; private set; }

    public void WriteHeader(ArchiveHeader header)
    {
        Put(ArchiveFormat.Magic);
        payload.Write(JsonSerializer.SerializeToUtf8Bytes(header, ArchiveJson.Default.ArchiveHeader));
        EndFrame(ArchiveFormat.HeaderKind);
    }

    public void WriteBlock(ArchiveBlock block)
    {
        Int32(block.Shard);
        UInt64(block.Revision);
        Int32(block.Entries.Count);
        foreach (var entry in block.Entries)
        {
            WriteEntry(entry);
        }
        EndFrame(ArchiveFormat.BlockKind);
        blocks++;
        Entries += block.Entries.Count;
    }

    public void WriteTrailer()
    {
        UInt64((ulong)blocks);
        UInt64((ulong)Entries);
        UInt64(all.GetCurrentHashAsUInt64());
        EndFrame(ArchiveFormat.TrailerKind);
    }

    private void WriteEntry(StampedEntry entry)
    {
        UInt64(entry.Version.Revision);
        UInt64(entry.Version.Origin);
        UInt64((ulong)entry.ModifiedMs);
        UInt64((ulong)entry.ExpiresMs);
        Bytes(entry.Key.Span);
        Bytes(Encoding.UTF8.GetBytes(entry.ContentType));
        Bytes(entry.Value.Span);
    }

    /// <summary>Frames what has gathered in the payload.</summary>
    private void EndFrame(byte kind)
    {
        var length = payload.WrittenCount;
        var frame = ArrayPool<byte>.Shared.Rent(ArchiveFormat.FrameHeadBytes + length + ArchiveFormat.ChecksumBytes);
        frame[0] = kind;
        BinaryPrimitives.WriteInt32LittleEndian(frame.AsSpan(1), length);
        payload.WrittenSpan.CopyTo(frame.AsSpan(ArchiveFormat.FrameHeadBytes));
        var checkedBytes = ArchiveFormat.FrameHeadBytes + length;
        BinaryPrimitives.WriteUInt32LittleEndian(
            frame.AsSpan(checkedBytes),
            ArchiveFormat.Checksum(frame.AsSpan(0, checkedBytes))
        );
        Put(frame.AsSpan(0, checkedBytes + ArchiveFormat.ChecksumBytes));
        ArrayPool<byte>.Shared.Return(frame);
        payload.ResetWrittenCount();
    }

    private void Put(ReadOnlySpan<byte> bytes)
    {
        all.Append(bytes);
        output.Write(bytes);
    }

    private void Int32(int value)
    {
        BinaryPrimitives.WriteInt32LittleEndian(payload.GetSpan(sizeof(int)), value);
        payload.Advance(sizeof(int));
    }

    private void UInt64(ulong value)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(payload.GetSpan(sizeof(ulong)), value);
        payload.Advance(sizeof(ulong));
    }

    private void Bytes(ReadOnlySpan<byte> value)
    {
        Int32(value.Length);
        payload.Write(value);
    }
}
