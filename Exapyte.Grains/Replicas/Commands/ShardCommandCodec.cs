using Exapyte.Grains.Fields;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// The encoding of <see cref="ShardCommand"/> in log entries: a format byte, then little-endian fields. Golden files in the tests
/// hold it; a change is a new format byte. Formats 1, 3 (some end at a given moment), 4 (some name their whole request too) and 5 (with
/// what the shard may hold) are writes of versions that kept no changes: they are read, and never written any more.
/// </summary>
internal static class ShardCommandCodec
{
    private const byte OldFormat = 1;
    private const byte ScrubFormat = 2;
    private const byte OldMomentsFormat = 3;
    private const byte OldNamedFormat = 4;
    private const byte OldLimitedFormat = 5;
    private const byte ClockFormat = 6;
    private const byte SweepFormat = 7;
    private const byte OwnershipFormat = 8;
    private const byte WriteFormat = 9;
    private const byte SplitFormat = 11;
    private const int StampedBytes = 1 + sizeof(long);
    private const int ScrubBytes = StampedBytes + sizeof(ulong);
    private const byte AtomicFlag = 1;

    /// <summary>What the shard may hold stands in the header.</summary>
    private const byte LimitsFlag = 2;
    private const int LimitsBytes = 2 * sizeof(long);
    private const byte ConditionFlag = 1;
    private const byte RequestIdFlag = 2;

    /// <summary>The lifetime's field holds the moment of the end instead.</summary>
    private const byte MomentFlag = 4;

    /// <summary>Behind the request id stand the request's fingerprint and the position in it.</summary>
    private const byte NamedFlag = 8;

    /// <summary>An entry that is there keeps its end.</summary>
    private const byte KeepsEndFlag = 16;
    private const int HeaderBytes = 1 + 1 + (4 * sizeof(long)) + sizeof(int);
    private const int WriteBytesMin = 1 + 1 + sizeof(int);
    private const int VersionBytes = 2 * sizeof(ulong);
    private const int NameBytes = (2 * sizeof(ulong)) + sizeof(int);

    /// <summary>Encodes the writes among <paramref name="operations"/>, in their order.</summary>
    /// <param name="operations">A batch; reads in it are passed over.</param>
    /// <param name="atomic">All or none.</param>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    /// <param name="generation">See <see cref="WriteCommand.Generation"/>.</param>
    public static byte[] Encode(
        ReadOnlySpan<Operation> operations,
        bool atomic,
        long stampMs,
        in CommandRules rules,
        ulong generation = 0
    )
    {
        int bytes = HeaderBytes + (rules.Limits is null ? 0 : LimitsBytes),
            count = 0;
        foreach (var operation in operations)
        {
            if (operation.IsWrite)
            {
                bytes += BytesOf(operation);
                count++;
            }
        }
        var buffer = GC.AllocateUninitializedArray<byte>(bytes);
        var writer = new SpanWriter(buffer);
        writer.Byte(WriteFormat);
        writer.Byte((byte)((atomic ? AtomicFlag : 0) | (rules.Limits is null ? 0 : LimitsFlag)));
        writer.Int64(stampMs);
        writer.Int64(rules.RequestIdWindowMs);
        writer.Int64(rules.ChangeRetentionMs);
        writer.UInt64(generation);
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
        var writer = Begin(buffer, ScrubFormat, stampMs);
        writer.UInt64(scrubId);
        return buffer;
    }

    /// <summary>Encodes a command that says what time it is.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    public static byte[] EncodeClock(long stampMs)
    {
        var buffer = new byte[StampedBytes];
        Begin(buffer, ClockFormat, stampMs);
        return buffer;
    }

    /// <summary>Encodes a command that removes entries that have ended.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="changeRetentionMs">See <see cref="WriteCommand.ChangeRetentionMs"/>.</param>
    /// <param name="keys">Their keys.</param>
    public static byte[] EncodeSweep(long stampMs, long changeRetentionMs, IReadOnlyList<byte[]> keys)
    {
        var buffer = new byte[
            StampedBytes + sizeof(long) + sizeof(int) + keys.Sum(static key => sizeof(int) + key.Length)
        ];
        var writer = Begin(buffer, SweepFormat, stampMs);
        writer.Int64(changeRetentionMs);
        writer.Int32(keys.Count);
        foreach (var key in keys)
        {
            writer.Bytes(key);
        }
        return buffer;
    }

    /// <summary>Encodes a command that says which keys are the shard's.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds.</param>
    /// <param name="ownership">Which they are.</param>
    public static byte[] EncodeOwnership(long stampMs, ShardOwnership ownership)
    {
        var encoded = ownership.Encode();
        var buffer = new byte[StampedBytes + sizeof(int) + encoded.Length];
        var writer = Begin(buffer, OwnershipFormat, stampMs);
        writer.Bytes(encoded);
        return buffer;
    }

    /// <summary>Encodes a command that cuts the shard.</summary>
    /// <param name="stampMs">The leader's time, Unix milliseconds; what the command says of it does not count.</param>
    /// <param name="split">The command.</param>
    public static byte[] EncodeSplit(long stampMs, SplitCommand split)
    {
        var body = split.EncodeBody();
        var buffer = new byte[StampedBytes + sizeof(int) + body.Length];
        var writer = Begin(buffer, SplitFormat, stampMs);
        writer.Bytes(body);
        return buffer;
    }

    /// <summary>Decodes a command whose keys and values are slices of <paramref name="payload"/>; null where it is not one.</summary>
    public static ShardCommand? Decode(ReadOnlyMemory<byte> payload)
    {
        var reader = new SpanReader(payload);
        var format = reader.Byte();
        var command = format switch
        {
            OldFormat or OldMomentsFormat or OldNamedFormat or OldLimitedFormat or WriteFormat => DecodeWrites(
                ref reader,
                format
            ),
            ScrubFormat => new ScrubCommand { StampMs = reader.Int64(), ScrubId = reader.UInt64() },
            ClockFormat => new ClockCommand { StampMs = reader.Int64() },
            SweepFormat => DecodeSweep(ref reader),
            OwnershipFormat => DecodeOwnership(ref reader),
            IndexCommandCodec.IndexesFormat => IndexCommandCodec.DecodeIndexes(ref reader),
            IndexCommandCodec.StepFormat => IndexCommandCodec.DecodeStep(ref reader),
            SplitFormat => SplitCommand.Decode(reader.Int64(), reader.Bytes()),
            _ => null as ShardCommand,
        };
        return reader.AtEnd ? command : null;
    }

    private static SpanWriter Begin(byte[] buffer, byte format, long stampMs)
    {
        var writer = new SpanWriter(buffer);
        writer.Byte(format);
        writer.Int64(stampMs);
        return writer;
    }

    private static WriteCommand DecodeWrites(ref SpanReader reader, byte format)
    {
        var flags = reader.Byte();
        var stampMs = reader.Int64();
        var windowMs = reader.Int64();
        var retentionMs = format == WriteFormat ? reader.Int64() : WriteCommand.KeepsNoChanges;
        var generation = format == WriteFormat ? reader.UInt64() : 0;
        var isLimited = format == OldLimitedFormat || (flags & LimitsFlag) != 0;
        Usage? limits = isLimited ? new(reader.Int64(), reader.Int64()) : null;
        var writes = new CommandWrite[reader.Count(WriteBytesMin)];
        for (var i = 0; i < writes.Length; i++)
        {
            writes[i] = Read(ref reader);
        }
        return new()
        {
            StampMs = stampMs,
            Atomic = (flags & AtomicFlag) != 0,
            RequestIdWindowMs = windowMs,
            ChangeRetentionMs = retentionMs,
            Generation = generation,
            Limits = limits,
            Writes = writes,
        };
    }

    private static SweepCommand DecodeSweep(ref SpanReader reader)
    {
        var stampMs = reader.Int64();
        var retentionMs = reader.Int64();
        var keys = new ReadOnlyMemory<byte>[reader.Count(sizeof(int))];
        for (var i = 0; i < keys.Length; i++)
        {
            keys[i] = reader.Bytes();
        }
        return new()
        {
            StampMs = stampMs,
            ChangeRetentionMs = retentionMs,
            Keys = keys,
        };
    }

    private static OwnershipCommand? DecodeOwnership(ref SpanReader reader)
    {
        var stampMs = reader.Int64();
        return ShardOwnership.Decode(reader.Bytes()) is { } ownership
            ? new() { StampMs = stampMs, Ownership = ownership }
            : null;
    }

    private static bool HasMoment(Operation operation) => operation is { IsPut: true, ExpiresAtMs: not 0 };

    private static bool KeepsEnd(Operation operation) =>
        operation.Kind == OperationKind.Increment
        || operation is { Kind: OperationKind.Merge, TtlMs: 0, ExpiresAtMs: 0 };

    private static bool IsNamed(Operation operation) =>
        operation.RequestId is not null && !operation.Fingerprint.IsNone;

    private static int BytesOf(Operation operation)
    {
        var bytes = WriteBytesMin + operation.Key.Length;
        if (operation.IsPut)
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
                | (KeepsEnd(operation) ? KeepsEndFlag : 0)
            )
        );
        writer.Bytes(operation.Key.Span);
        if (operation.IsPut)
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
        if (kind != OperationKind.Delete)
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
            KeepsEnd = (flags & KeepsEndFlag) != 0,
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
