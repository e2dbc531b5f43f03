using CsCheck;
using Exapyte.Operations;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class RequestFingerprintTests
{
    private static readonly Operation Put = new()
    {
        Kind = OperationKind.Put,
        Key = "k"u8.ToArray(),
        Value = "v"u8.ToArray(),
        ContentType = "t",
        TtlMs = 5,
        Condition = WriteCondition.IfVersion(new(1, 2)),
        RequestId = "id",
    };

    public static TheoryData<Operation> Others =>
        [
            Put with
            {
                Kind = OperationKind.Delete,
            },
            Put with
            {
                Key = "K"u8.ToArray(),
            },
            Put with
            {
                Value = "w"u8.ToArray(),
            },
            Put with
            {
                Value = default,
            },
            Put with
            {
                ContentType = "",
            },
            Put with
            {
                TtlMs = 6,
            },
            Put with
            {
                TtlMs = 0,
                ExpiresAtMs = 5,
            },
            Put with
            {
                TtlMs = 0,
                ExpiresAtMs = 6,
            },
            Put with
            {
                Condition = null,
            },
            Put with
            {
                Condition = WriteCondition.IfPresent,
            },
            Put with
            {
                Condition = WriteCondition.IfVersion(new(1, 3)),
            },
            Put with
            {
                Condition = new(ConditionKind.NoneOf, [new(1, 2)]),
            },
            Put with
            {
                Condition = new(ConditionKind.AnyOf, [new(1, 2), new(1, 2)]),
            },
        ];

    [Theory]
    [MemberData(nameof(Others))]
    public void Another_operation_has_another_fingerprint(Operation other)
    {
        Assert.NotEqual(RequestFingerprint.Name(Put).Fingerprint, RequestFingerprint.Name(other).Fingerprint);
        Assert.NotEqual(Of(atomic: true, Put, Put), Of(atomic: true, Put, other));
        Assert.NotEqual(Of(atomic: true, Put, other), Of(atomic: true, other, Put));
    }

    [Fact]
    public void Every_member_of_an_operation_counts_or_is_known_not_to()
    {
        string[] counts = ["Kind", "Key", "Value", "ContentType", "TtlMs", "ExpiresAtMs", "Condition"];
        string[] doNot =
        [
            "RequestId",
            "Fingerprint",
            "Position",
            "Level",
            "MaxStalenessMs",
            "SessionVersion",
            "Session",
            "AtAnyMember",
        ];
        Assert.Empty(Sample.Members(typeof(Operation)).Select(member => member.Name).Except(counts).Except(doNot));
    }

    [Fact]
    public void The_same_request_has_the_same_fingerprint_whatever_its_id_and_level()
    {
        var same = Put with { Key = "k"u8.ToArray(), RequestId = "other", Level = ConsistencyLevel.Linearizable };
        Assert.Equal(RequestFingerprint.Name(Put).Fingerprint, RequestFingerprint.Name(same).Fingerprint);
        Assert.Equal(RequestFingerprint.Alone, RequestFingerprint.Name(Put).Position);
    }

    [Fact]
    public void Form_and_number_count()
    {
        RequestFingerprint[] all =
        [
            RequestFingerprint.Name(Put).Fingerprint,
            Of(atomic: false, Put),
            Of(atomic: true, Put),
            Of(atomic: false, Put, Put),
            Of(atomic: false, Put, Put with { Kind = OperationKind.Get, RequestId = null }),
        ];
        Assert.Equal(all.Length, all.Distinct().Count());
    }

    [Fact]
    public void Keys_and_values_do_not_run_into_each_other()
    {
        Gen.Select(Gen.Byte.Array[0, 4], Gen.Byte.Array[0, 4], Gen.Byte.Array[0, 4], Gen.Byte.Array[0, 4])
            .Sample(
                (key, value, otherKey, otherValue) =>
                {
                    var one = RequestFingerprint.Name(Put with { Key = key, Value = value });
                    var other = RequestFingerprint.Name(Put with { Key = otherKey, Value = otherValue });
                    var isSame = key.AsSpan().SequenceEqual(otherKey) && value.AsSpan().SequenceEqual(otherValue);
                    return (one.Fingerprint == other.Fingerprint) == isSame;
                }
            );
    }

    [Fact]
    public void Each_operation_with_an_id_is_named_by_the_whole_and_its_place()
    {
        var read = Put with { Kind = OperationKind.Get, RequestId = null };
        var named = RequestFingerprint.Name([read, Put], atomic: false);
        Assert.True(named[0].Fingerprint.IsNone);
        Assert.Equal((false, 1), (named[1].Fingerprint.IsNone, named[1].Position));
        Operation[] unnamed = [read];
        Assert.Same(unnamed, RequestFingerprint.Name(unnamed, atomic: true));
    }

    private static RequestFingerprint Of(bool atomic, params Operation[] operations) =>
        RequestFingerprint.Name(operations, atomic)[0].Fingerprint;
}
