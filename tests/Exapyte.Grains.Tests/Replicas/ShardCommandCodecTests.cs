using CsCheck;
using Exapyte.Grains.Replicas.Commands;
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
                Value = kind == OperationKind.Put ? value : default(ReadOnlyMemory<byte>),
                ContentType = kind == OperationKind.Put ? Printable(contentType) : "",
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
                    var rules = new CommandRules(DefaultTtlMs: 77, RequestIdWindowMs: 9) { Limits = limits };
                    var command = ShardCommandCodec.Decode(
                        ShardCommandCodec.Encode(operations, atomic, stampMs, rules)
                    );
                    Assert.NotNull(command);
                    Assert.Equal(limits, command.Limits);
                    Assert.Equal((stampMs, atomic, 9L), (command.StampMs, command.Atomic, command.RequestIdWindowMs));
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

    [Fact]
    public void The_format_of_a_command_does_not_change()
    {
        var bytes = ShardCommandCodec.Encode(
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
                },
                new() { Kind = OperationKind.Delete, Key = "d"u8.ToArray() },
            ],
            atomic: true,
            stampMs: 1,
            new(0, 6)
        );
        Assert.Equal(
            "0101010000000000000006000000000000000200000002030100"
                + "00006B0100000074020000000000000001000000760301000000030000000000000004000000000000000100000072030001000000"
                + "64",
            Convert.ToHexString(bytes)
        );
    }

    [Fact]
    public void The_format_of_a_command_that_names_its_request_does_not_change()
    {
        var bytes = ShardCommandCodec.Encode(
            [
                new()
                {
                    Kind = OperationKind.Delete,
                    Key = "k"u8.ToArray(),
                    RequestId = "r",
                    Fingerprint = new(3, 4),
                    Position = 5,
                },
            ],
            atomic: false,
            stampMs: 1,
            new(0, 6)
        );
        Assert.Equal(
            "04000100000000000000060000000000000001000000"
                + "030A010000006B010000007203000000000000000400000000000000"
                + "05000000",
            Convert.ToHexString(bytes)
        );
    }

    [Fact]
    public void The_format_of_a_command_with_a_put_that_ends_at_a_moment_does_not_change()
    {
        var bytes = ShardCommandCodec.Encode(
            [
                new()
                {
                    Kind = OperationKind.Put,
                    Key = "k"u8.ToArray(),
                    Value = "v"u8.ToArray(),
                    ContentType = "t",
                    ExpiresAtMs = 2,
                },
                new()
                {
                    Kind = OperationKind.Put,
                    Key = "l"u8.ToArray(),
                    TtlMs = 3,
                },
            ],
            atomic: false,
            stampMs: 1,
            new(0, 6)
        );
        Assert.Equal(
            "03000100000000000000060000000000000002000000"
                + "0204010000006B01000000740200000000000000010000007602000100"
                + "00006C00000000030000000000000000000000",
            Convert.ToHexString(bytes)
        );
    }

    [Fact]
    public void The_format_of_a_command_under_a_quota_does_not_change()
    {
        var bytes = ShardCommandCodec.Encode(
            [new() { Kind = OperationKind.Delete, Key = "k"u8.ToArray() }],
            atomic: false,
            stampMs: 1,
            new(0, 6) { Limits = new(7, 8) }
        );
        Assert.Equal(
            "050001000000000000000600000000000000070000000000000008000000000000000100000003000100" + "00006B",
            Convert.ToHexString(bytes)
        );
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
