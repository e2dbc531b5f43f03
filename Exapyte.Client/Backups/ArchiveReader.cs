using System.Buffers.Binary;
using System.IO.Hashing;
using System.Text;
using System.Text.Json;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Client.Backups;

/// <summary>What comes next in an archive: a block, the end, or what is wrong with it.</summary>
internal readonly record struct ArchiveRead(ArchiveBlock? Block, string? Fault)
{
    /// <summary>The archive is whole, and was read to its end.</summary>
    public bool IsEnd => Block is null && Fault is null;
}

/// <summary>
/// Reads an archive and believes none of it: every frame is verified before anything of it is used, and only the trailer
/// says that nothing is missing. See <see cref="ArchiveFormat"/>. One thread at a time.
/// </summary>
internal sealed class ArchiveReader(Stream input)
{
    private const string CutShort = "The archive is cut short.";

    private readonly XxHash3 all = new();
    private byte[] frame = new byte[64 << 10];
    private long blocks;
    private long entries;

    private readonly record struct Frame(byte Kind, ReadOnlyMemory<byte> Payload, string? Fault);

    /// <summary>The header, or what is wrong with it.</summary>
    public async Task<(ArchiveHeader? Header, string? Fault)> ReadHeaderAsync(CancellationToken cancellationToken)
    {
        var magic = new byte[ArchiveFormat.Magic.Length];
        if (
            await input.ReadAtLeastAsync(magic, magic.Length, throwOnEndOfStream: false, cancellationToken)
                < magic.Length
            || !magic.AsSpan().SequenceEqual(ArchiveFormat.Magic)
        )
        {
            return (null, "This is no archive of a keyspace.");
        }
        all.Append(magic);
        var next = await ReadFrameAsync(cancellationToken);
        if (next.Fault is not null || next.Kind != ArchiveFormat.HeaderKind)
        {
            return (null, next.Fault ?? "The archive does not begin with its header.");
        }
        try
        {
            var header = JsonSerializer.Deserialize(next.Payload.Span, ArchiveJson.Default.ArchiveHeader);
            return header is { Format: ArchiveFormat.Version }
                ? (header, null)
                : (null, $"The archive has format {header?.Format}; this version reads {ArchiveFormat.Version}.");
        }
        catch (JsonException exception)
        {
            return (null, $"The archive's header cannot be read: {exception.Message}");
        }
    }

    /// <summary>The next block, the end, or what is wrong. The block's memory is its own.</summary>
    public async Task<ArchiveRead> ReadAsync(CancellationToken cancellationToken)
    {
        var hashBefore = all.GetCurrentHashAsUInt64();
        var next = await ReadFrameAsync(cancellationToken);
        if (next.Fault is not null)
        {
            return new(null, next.Fault);
        }
        if (next.Kind == ArchiveFormat.TrailerKind)
        {
            return new(null, await FaultOfEndAsync(next.Payload, hashBefore, cancellationToken));
        }
        if (next.Kind != ArchiveFormat.BlockKind || Decode(next.Payload.ToArray()) is not { } block)
        {
            return new(null, "A block of the archive makes no sense.");
        }
        blocks++;
        entries += block.Entries.Count;
        return new(block, null);
    }

    private async Task<Frame> ReadFrameAsync(CancellationToken cancellationToken)
    {
        if (!await TakeAsync(0, ArchiveFormat.FrameHeadBytes, cancellationToken))
        {
            return new(0, default, CutShort);
        }
        var length = BinaryPrimitives.ReadInt32LittleEndian(frame.AsSpan(1));
        if (length is < 0 or > ArchiveFormat.PayloadBytesMax)
        {
            return new(0, default, "A block of the archive has an impossible length.");
        }
        var checkedBytes = ArchiveFormat.FrameHeadBytes + length;
        var whole = checkedBytes + ArchiveFormat.ChecksumBytes;
        if (frame.Length < whole)
        {
            Array.Resize(ref frame, whole);
        }
        if (!await TakeAsync(ArchiveFormat.FrameHeadBytes, whole - ArchiveFormat.FrameHeadBytes, cancellationToken))
        {
            return new(0, default, CutShort);
        }
        var checksum = BinaryPrimitives.ReadUInt32LittleEndian(frame.AsSpan(checkedBytes));
        if (checksum != ArchiveFormat.Checksum(frame.AsSpan(0, checkedBytes)))
        {
            return new(0, default, "A block of the archive is damaged: its checksum does not hold.");
        }
        all.Append(frame.AsSpan(0, whole));
        return new(frame[0], frame.AsMemory(ArchiveFormat.FrameHeadBytes, length), null);
    }

    private async ValueTask<bool> TakeAsync(int at, int count, CancellationToken cancellationToken) =>
        await input.ReadAtLeastAsync(frame.AsMemory(at, count), count, throwOnEndOfStream: false, cancellationToken)
        == count;

    private async ValueTask<string?> FaultOfEndAsync(
        ReadOnlyMemory<byte> trailer,
        ulong hashBefore,
        CancellationToken cancellationToken
    )
    {
        if (
            trailer.Length != ArchiveFormat.TrailerBytes
            || BinaryPrimitives.ReadInt64LittleEndian(trailer.Span) != blocks
            || BinaryPrimitives.ReadInt64LittleEndian(trailer.Span[8..]) != entries
            || BinaryPrimitives.ReadUInt64LittleEndian(trailer.Span[16..]) != hashBefore
        )
        {
            return "The archive lacks a part, or has one that is not its own: its trailer does not fit.";
        }
        return await input.ReadAsync(new byte[1], cancellationToken) == 0
            ? null
            : "Something stands behind the archive's end.";
    }

    private static ArchiveBlock? Decode(ReadOnlyMemory<byte> payload)
    {
        var fields = new Fields(payload);
        var shard = fields.Int32();
        var revision = fields.UInt64();
        var count = fields.Int32();
        if (count < 0 || (long)count * ArchiveFormat.EntryBytesMin > payload.Length)
        {
            return null;
        }
        var decoded = new StampedEntry[count];
        for (var i = 0; i < count; i++)
        {
            var version = new VersionStamp(fields.UInt64(), fields.UInt64());
            var modifiedMs = (long)fields.UInt64();
            var expiresMs = (long)fields.UInt64();
            decoded[i] = new()
            {
                Version = version,
                ModifiedMs = modifiedMs,
                ExpiresMs = expiresMs,
                Key = fields.Bytes(),
                ContentType = Encoding.UTF8.GetString(fields.Bytes().Span),
                Value = fields.Bytes(),
            };
        }
        return fields.AtEnd ? new(shard, revision, decoded) : null;
    }

    /// <summary>Reads fields; once one does not fit every further one is empty.</summary>
    private ref struct Fields(ReadOnlyMemory<byte> memory)
    {
        private ReadOnlyMemory<byte> rest = memory;
        private bool failed;

        public readonly bool AtEnd => !failed && rest.IsEmpty;

        public int Int32() =>
            Take(sizeof(int)) is { IsEmpty: false } field ? BinaryPrimitives.ReadInt32LittleEndian(field.Span) : 0;

        public ulong UInt64() =>
            Take(sizeof(ulong)) is { IsEmpty: false } field ? BinaryPrimitives.ReadUInt64LittleEndian(field.Span) : 0;

        public ReadOnlyMemory<byte> Bytes() => Take(Int32());

        private ReadOnlyMemory<byte> Take(int length)
        {
            if (failed || length < 0 || length > rest.Length)
            {
                failed = true;
                return default;
            }
            var field = rest[..length];
            rest = rest[length..];
            return field;
        }
    }
}
