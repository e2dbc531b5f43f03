using Exapyte.Grains.Fields;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// The encoding of <see cref="ShardCommand"/> in log entries: a format byte (1 writes, 2 a scrub, 3 writes of which some end
/// at a given moment, 4 writes of which some name their whole request and some may end at a given moment, 5 the same with what the shard may hold
/// in its header), then little-endian fields. Golden files in the tests hold it; a change is a new format byte.
/// </summary>
internal static class ShardCommandCodec
{
    private const byte Format = 1;
    private const byte ScrubFormat = 2;
    private const byte MomentsFormat = 3;
    private const byte NamedFormat = 4;
    private const byte LimitedFormat = 5;
    private const int ScrubBytes = 1 + sizeof(long) + sizeof(ulong);
    private const byte AtomicFlag = 1;
    private const byte ConditionFlag = 1;
    private const byte RequestIdFlag = 2;

    /// <summary>The lifetime's field holds the moment of the end instead; from <see cref="MomentsFormat"/> on.</summary>
    private const byte MomentFlag = 4;

    /// <summary>Behind the request id stand the request's fingerprint and the position in it; in <see cref="NamedFormat"/> only.</summary>
    private const byte NamedFlag = 8;
    private const int HeaderBytes = 1 + 1 + (2 * sizeof(long)) + sizeof(int);
    private const int LimitsBytes = 2 * sizeof(long);
    private const int WriteBytesMin = 1 + 1 + sizeof(int);
    private const int VersionBytes = 2 * sizeof(ulong);
    private const int NameBytes = (2 * sizeof(ulong)) + sizeof(int);

    /// <summary>Encodes the writes among <paramref name="operations"/>, in their order.</summary>
    /// <param name="operations">A batch; reads in it are passed over.</param>
    /// <param name="atomic">All or none.</param>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    public static byte[] Encode(ReadOnlySpan<Operation> operations, bool atomic, long stampMs, in CommandRules rules)
    {
        int bytes = HeaderBytes,
            count = 0;
        var format = rules.Limits is null ? Format : LimitedFormat;
        bytes += rules.Limits is null ? 0 : LimitsBytes;
        foreach (var operation in operations)
        {
            if (operation.IsWrite)
            {
                bytes += BytesOf(operation);
                count++;
                format = Math.Max(format, FormatOf(operation));
            }
        }
        var buffer = GC.AllocateUninitializedArray<byte>(bytes);
        var writer = new SpanWriter(buffer);
        writer.Byte(format);
        writer.Byte(atomic ? AtomicFlag : (byte)0);
        writer.Int64(stampMs);
        writer.Int64(rules.RequestIdWindowMs);
        if (rules.Limits is { } limits)
        {
            writer.Int64(limits.Entries);
            writer.Int64(limits.Bytes);
        }
        writer.Int32(count);
        foreach (var operation in operations)
        {
            if (operation.IsWrite)
            {
                Write(ref writer, operation, rules);
            }
        }
        return buffer;
    }

    /// <summary>Encodes a command that marks a place to compare.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="scrubId">Tells this scrub of the shard from any other.</param>
    public static byte[] EncodeScrub(long stampMs, ulong scrubId)
    {
        var buffer = new byte[ScrubBytes];
        var writer = new SpanWriter(buffer);
        writer.Byte(ScrubFormat);
        writer.Int64(stampMs);
        writer.UInt64(scrubId);
        return buffer;
    }

    /// <summary>Decodes a command whose keys and values are slices of <paramref name="payload"/>; null where it is not one.</summary>
    public static ShardCommand? Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new SpanReader(payload);
        var format = reader.Byte();
        if (format == ScrubFormat)
        {
            return DecodeScrub(ref reader);
        }
        if (format is not (Format or MomentsFormat or NamedFormat or LimitedFormat))
        {
            return null;
        }
        var flags = reader.Byte();
        var stampMs = reader.Int64();
        var windowMs = reader.Int64();
        Usage? limits = format == LimitedFormat ? new(reader.Int64(), reader.Int64()) : null;
        var writes = new CommandWrite[reader.Count(WriteBytesMin)];
        for (var i = 0; i < writes.Length; i++)
        {
            writes[i] = Read(ref reader);
        }
        return reader.AtEnd
            ? new()
            {
                StampMs = stampMs,
                Atomic = (flags & AtomicFlag) != 0,
                RequestIdWindowMs = windowMs,
                Writes = writes,
                Limits = limits,
            }
            : null;
    }

    private static ShardCommand? DecodeScrub(ref SpanReader reader)
    {
        var command = new ShardCommand
        {
            StampMs = reader.Int64(),
            Atomic = false,
            RequestIdWindowMs = long.MaxValue,
            Writes = [],
            ScrubId = reader.UInt64(),
        };
        return reader.AtEnd ? command : null;
    }

    private static byte FormatOf(Operation operation) =>
        IsNamed(operation) ? NamedFormat
        : HasMoment(operation) ? MomentsFormat
        : Format;

    private static bool HasMoment(Operation operation) => operation is { Kind: OperationKind.Put, ExpiresAtMs: not 0 };

    private static bool IsNamed(Operation operation) =>
        operation.RequestId is not null && !operation.Fingerprint.IsNone;

    private static int BytesOf(Operation operation)
    {
        var bytes = WriteBytesMin + operation.Key.Length;
        if (operation.Kind == OperationKind.Put)
        {
            bytes += SpanWriter.TextBytes(operation.ContentType) + sizeof(long) + sizeof(int) + operation.Value.Length;
        }
        if (operation.Condition is { } condition)
        {
            bytes += 1 + sizeof(int) + (condition.Versions.Length * VersionBytes);
        }
        if (operation.RequestId is { } requestId)
        {
            bytes += SpanWriter.TextBytes(requestId) + (IsNamed(operation) ? NameBytes : 0);
        }
        return bytes;
    }

    private static void Write(ref SpanWriter writer, Operation operation, in CommandRules rules)
    {
        writer.Byte((byte)operation.Kind);
        writer.Byte(
            (byte)(
                (operation.Condition is null ? 0 : ConditionFlag)
                | (operation.RequestId is null ? 0 : RequestIdFlag)
                | (HasMoment(operation) ? MomentFlag : 0)
                | (IsNamed(operation) ? NamedFlag : 0)
            )
        );
        writer.Bytes(operation.Key.Span);
        if (operation.Kind == OperationKind.Put)
        {
            writer.Text(operation.ContentType);
            writer.Int64(HasMoment(operation) ? operation.ExpiresAtMs : rules.TtlMsOf(operation));
            writer.Bytes(operation.Value.Span);
        }
        if (operation.Condition is { } condition)
        {
            writer.Byte((byte)condition.Kind);
            writer.Int32(condition.Versions.Length);
            foreach (var version in condition.Versions)
            {
                writer.UInt64(version.Revision);
                writer.UInt64(version.Origin);
            }
        }
        if (operation.RequestId is { } requestId)
        {
            writer.Text(requestId);
        }
        if (IsNamed(operation))
        {
            writer.UInt64(operation.Fingerprint.High);
            writer.UInt64(operation.Fingerprint.Low);
            writer.Int32(operation.Position);
        }
    }

    private static CommandWrite Read(ref SpanReader reader)
    {
        var kind = (OperationKind)reader.Byte();
        var flags = reader.Byte();
        var key = reader.Bytes();
        var contentType = "";
        long lifetime = 0;
        ReadOnlyMemory<byte> value = default;
        if (kind == OperationKind.Put)
        {
            contentType = reader.Text();
            lifetime = reader.Int64();
            value = reader.Bytes();
        }
        return new()
        {
            Kind = kind,
            Key = key,
            Value = value,
            ContentType = contentType,
            TtlMs = (flags & MomentFlag) == 0 ? lifetime : 0,
            ExpiresAtMs = (flags & MomentFlag) != 0 ? lifetime : 0,
            Condition = (flags & ConditionFlag) != 0 ? ReadCondition(ref reader) : null,
            RequestId = (flags & RequestIdFlag) != 0 ? reader.Text() : null,
            Fingerprint = (flags & NamedFlag) != 0 ? new(reader.UInt64(), reader.UInt64()) : default,
            Position = (flags & NamedFlag) != 0 ? reader.Int32() : 0,
        };
    }

    private static WriteCondition ReadCondition(ref SpanReader reader)
    {
        var kind = (ConditionKind)reader.Byte();
        var versions = new VersionStamp[reader.Count(VersionBytes)];
        for (var i = 0; i < versions.Length; i++)
        {
            versions[i] = new(reader.UInt64(), reader.UInt64());
        }
        return new(kind, versions);
    }
}
