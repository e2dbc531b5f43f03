using CsCheck;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class ShardCommandCodecTests
{
    private static readonly Gen<byte[]> Bytes = Gen.Byte.Array[1, 40];

    private static readonly Gen<WriteCondition?> Conditions = Gen.OneOf(
        Gen.Const((WriteCondition?)null),
        Gen.Const((WriteCondition?)WriteCondition.IfAbsent),
        Gen.Select(Gen.ULong, Gen.ULong, (r, o) => (WriteCondition?)WriteCondition.IfVersion(new(r, o)))
    );

    private static readonly Gen<(long TtlMs, long ExpiresAtMs)> Lifetimes = Gen.OneOf(
        Gen.Long[-1, 1_000_000].Select(ttlMs => (ttlMs, 0L)),
        Gen.Long[1, Limits.ExpiresAtMsMax].Select(expiresAtMs => (0L, expiresAtMs))
    );

    private static readonly Gen<Operation> Operations = Gen.Select(
        Gen.Enum<OperationKind>(),
        Bytes,
        Bytes,
        Gen.String,
        Lifetimes,
        Conditions,
        Gen.Select(Gen.String.Null(), Gen.ULong[0, 2], Gen.Int[-1, 999]),
        (kind, key, value, contentType, lifetime, condition, request) =>
            new Operation
            {
                Kind = kind,
                Key = key,
                Value =
                    kind >= OperationKind.Put && kind != OperationKind.Delete ? value : default(ReadOnlyMemory<byte>),
                ContentType = kind >= OperationKind.Put && kind != OperationKind.Delete ? Printable(contentType) : "",
                TtlMs = lifetime.TtlMs,
                ExpiresAtMs = lifetime.ExpiresAtMs,
                Condition = condition,
                RequestId = request.Item1 is null ? null : Printable(request.Item1),
                Fingerprint = new(request.Item2, 0),
                Position = request.Item3,
            }
    );

    [Fact]
    public void A_command_decodes_to_the_writes_that_were_encoded()
    {
        Gen.Select(Operations.Array[0, 20], Gen.Bool, Gen.Long, Gen.Long.Nullable())
            .Sample(
                (operations, atomic, stampMs, most) =>
                {
                    Usage? limits = most is { } entries ? new(entries, -entries) : null;
                    var rules = new CommandRules(DefaultTtlMs: 77, RequestIdWindowMs: 9, ChangeRetentionMs: 8)
                    {
                        Limits = limits,
                    };
                    var command = Assert.IsType<WriteCommand>(
                        ShardCommandCodec.Decode(
                            ShardCommandCodec.Encode(operations, atomic, stampMs, rules, generation: 6)
                        )
                    );
                    Assert.Equal(limits, command.Limits);
                    Assert.Equal((stampMs, atomic, 9L), (command.StampMs, command.Atomic, command.RequestIdWindowMs));
                    Assert.Equal((8L, 6UL), (command.ChangeRetentionMs, command.Generation));
                    var writes = operations.Where(operation => operation.IsWrite).ToArray();
                    Assert.Equal(writes.Length, command.Writes.Length);
                    for (var i = 0; i < writes.Length; i++)
                    {
                        AssertSame(writes[i], command.Writes[i], rules);
                    }
                }
            );
    }

    [Fact]
    public void Bytes_that_are_no_command_are_refused_and_never_throw()
    {
        var good = ShardCommandCodec.Encode(
            [
                new()
                {
                    Kind = OperationKind.Put,
                    Key = "key"u8.ToArray(),
                    Value = "value"u8.ToArray(),
                    Condition = WriteCondition.IfVersion(new(3)),
                    RequestId = "r",
                },
            ],
            false,
            5,
            default
        );
        for (var length = 0; length < good.Length; length++)
        {
            Assert.Null(ShardCommandCodec.Decode(good.AsMemory(0, length)));
        }
        Gen.Byte.Array[0, 60].Sample(bytes => _ = ShardCommandCodec.Decode(bytes));
    }

    private const string IndexesDefined =
        "0C01000000000000000200000000000000" + "01000000010000006E0200000005000000646F632E6105000000646F632E62";

    /// <summary>Golden bytes of every kind of command, by format.</summary>
    [Theory]
    [InlineData(9, Written)]
    [InlineData(2, "0208070605040302011817161514131211")]
    [InlineData(6, "060100000000000000")]
    [InlineData(7, "070100000000000000090000000000000002000000010000006101000000" + "62")]
    [InlineData(
        8,
        "08010000000000000035000000"
            + "01030000000000000005000000090000000100000023010000006101010000007A0100000007000000000000000B00000000000000"
    )]
    [InlineData(12, IndexesDefined)]
    [InlineData(13, "0D0100000000000000020000000000000001000000610300000004000000")]
    public void The_format_of_a_command_does_not_change(byte format, string golden)
    {
        var bytes = format switch
        {
            2 => ShardCommandCodec.EncodeScrub(0x0102_0304_0506_0708, 0x1112_1314_1516_1718),
            9 => ShardCommandCodec.Encode(
                [
                    new()
                    {
                        Kind = OperationKind.Put,
                        Key = "k"u8.ToArray(),
                        Value = "v"u8.ToArray(),
                        ContentType = "t",
                        TtlMs = 2,
                        Condition = WriteCondition.IfVersion(new(3, 4)),
                        RequestId = "r",
                        Fingerprint = new(3, 4),
                        Position = 5,
                    },
                    new() { Kind = OperationKind.Delete, Key = "d"u8.ToArray() },
                ],
                atomic: true,
                stampMs: 1,
                new(0, 6, 7) { Limits = new(9, 10) },
                generation: 8
            ),
            6 => ShardCommandCodec.EncodeClock(1),
            7 => ShardCommandCodec.EncodeSweep(1, 9, ["a"u8.ToArray(), "b"u8.ToArray()]),
            12 => IndexCommandCodec.EncodeIndexes(1, 2, [new() { Name = "n", Paths = ["doc.a", "doc.b"] }]),
            13 => IndexCommandCodec.EncodeStep(
                1,
                new()
                {
                    StampMs = 1,
                    Generation = 2,
                    After = "a"u8.ToArray(),
                    EntriesMax = 3,
                    BytesMax = 4,
                }
            ),
            _ => ShardCommandCodec.EncodeOwnership(1, Owned),
        };
        Assert.Equal(golden, Convert.ToHexString(bytes));
        Assert.Equal(format, bytes[0]);
        Assert.NotNull(ShardCommandCodec.Decode(bytes));
    }

    [Fact]
    public void The_format_of_increments_and_patches_does_not_change()
    {
        var key = "k"u8.ToArray();
        var bytes = ShardCommandCodec.Encode(
            [
                new()
                {
                    Kind = OperationKind.Increment,
                    Key = key,
                    Value = "5"u8.ToArray(),
                },
                new()
                {
                    Kind = OperationKind.Merge,
                    Key = key,
                    Value = "{}"u8.ToArray(),
                    TtlMs = 2,
                },
            ],
            atomic: false,
            stampMs: 1,
            new(0, 6, 7),
            generation: 8
        );

        Assert.Equal(
            "0900010000000000000006000000000000000700000000000000080000000000000002000000"
                + "0410010000006B0000000000000000000000000100000035"
                + "0500010000006B000000000200000000000000020000007B7D",
            Convert.ToHexString(bytes)
        );
    }

    [Fact]
    public void What_a_shard_owns_decodes_to_what_was_encoded()
    {
        var command = Assert.IsType<OwnershipCommand>(
            ShardCommandCodec.Decode(ShardCommandCodec.EncodeOwnership(1, Owned))
        );

        var owned = command.Ownership;
        Assert.Equal((3UL, 5, 9), (owned.Generation, owned.FirstSlot, owned.EndSlot));
        Assert.Equal("#"u8.ToArray(), owned.PartitionDelimiter.ToArray());
        Assert.Equal("a"u8.ToArray(), owned.Keys.Start.ToArray());
        Assert.Equal("z"u8.ToArray(), owned.Keys.End!.Value.ToArray());
        Assert.Equal([new ShardAncestor(7, 11)], owned.Lineage);
    }

    /// <summary>Commands as versions wrote them that kept no changes: they may stand in the log of a data folder.</summary>
    [Theory]
    [InlineData(OldWritten, "put k=v ttl 2 if 3.4 as r", "delete d")]
    [InlineData(
        "03000100000000000000060000000000000002000000"
            + "0204010000006B01000000740200000000000000010000007602000100"
            + "00006C00000000030000000000000000000000",
        "put k=v until 2",
        "put l= ttl 3"
    )]
    [InlineData(
        "04000100000000000000060000000000000001000000"
            + "030A010000006B010000007203000000000000000400000000000000"
            + "05000000",
        "delete k as r of 3.4 at 5"
    )]
    [InlineData(
        "050001000000000000000600000000000000070000000000000008000000000000000100000003000100" + "00006B",
        "delete k"
    )]
    public void A_command_of_an_earlier_version_is_read_as_one_that_keeps_no_changes(
        string bytes,
        params string[] writes
    )
    {
        var command = Assert.IsType<WriteCommand>(ShardCommandCodec.Decode(Convert.FromHexString(bytes)));

        Assert.Equal((1L, 6L), (command.StampMs, command.RequestIdWindowMs));
        Assert.Equal((WriteCommand.KeepsNoChanges, 0UL), (command.ChangeRetentionMs, command.Generation));
        Assert.Equal(writes, command.Writes.Select(Describe));
    }

    private const string OldWritten =
        "0101010000000000000006000000000000000200000002030100"
        + "00006B0100000074020000000000000001000000760301000000030000000000000004000000000000000100000072030001000000"
        + "64";

    private const string Written =
        "0903010000000000000006000000000000000700000000000000080000000000000009000000000000000A0000000000000002000000"
        + "020B010000006B0100000074020000000000000001000000760301000000030000000000000004000000000000000100000072"
        + "030000000000000004000000000000000500000003000100000064";

    private static ShardOwnership Owned { get; } =
        new()
        {
            Generation = 3,
            FirstSlot = 5,
            EndSlot = 9,
            PartitionDelimiter = "#"u8.ToArray(),
            Keys = new("a"u8.ToArray(), "z"u8.ToArray()),
            Lineage = [new(7, 11)],
        };

    private static string Describe(CommandWrite write)
    {
        var text = $"{write.Kind} ".ToLowerInvariant() + System.Text.Encoding.UTF8.GetString(write.Key.Span);
        text += write.Kind == OperationKind.Put ? $"={System.Text.Encoding.UTF8.GetString(write.Value.Span)}" : "";
        text += write.TtlMs != 0 ? $" ttl {write.TtlMs}" : "";
        text += write.ExpiresAtMs != 0 ? $" until {write.ExpiresAtMs}" : "";
        text += write.Condition is { } condition
            ? $" if {condition.Versions[0].Revision}.{condition.Versions[0].Origin}"
            : "";
        text += write.RequestId is { } id ? $" as {id}" : "";
        return write.IsNamed
            ? text + $" of {write.Fingerprint.High}.{write.Fingerprint.Low} at {write.Position}"
            : text;
    }

    private static void AssertSame(Operation operation, in CommandWrite write, in CommandRules rules)
    {
        Assert.Equal(operation.Kind, write.Kind);
        Assert.Equal(operation.Key.ToArray(), write.Key.ToArray());
        Assert.Equal(operation.Value.ToArray(), write.Value.ToArray());
        Assert.Equal(operation.ContentType, write.ContentType);
        Assert.Equal(operation.RequestId, write.RequestId);
        Assert.Equal(operation.RequestId is not null && !operation.Fingerprint.IsNone, write.IsNamed);
        if (write.IsNamed)
        {
            Assert.Equal((operation.Fingerprint, operation.Position), (write.Fingerprint, write.Position));
        }
        Assert.Equal(operation.Condition?.Kind, write.Condition?.Kind);
        Assert.Equal(operation.Condition?.Versions ?? [], write.Condition?.Versions ?? []);
        if (operation.Kind == OperationKind.Put)
        {
            Assert.Equal(rules.ExpiresMsOf(operation, 1_000), write.ExpiresMs(1_000));
            Assert.Equal(operation.ExpiresAtMs, write.ExpiresAtMs);
        }
    }

    private static string Printable(string text) => new(Array.FindAll(text.ToCharArray(), c => !char.IsSurrogate(c)));
}
