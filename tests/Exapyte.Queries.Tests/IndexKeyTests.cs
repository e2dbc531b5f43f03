using System.Buffers;
using System.Text;
using CsCheck;
using Exapyte.Queries.Indexes;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>Values as the bytes of an index's rows.</summary>
public sealed class IndexKeyTests
{
    const long Exact = 1L << 53;

    static readonly Gen<Value> s_value = Gen.OneOf(
        Gen.Const(Value.Null),
        Gen.Bool.Select(Value.Of),
        Gen.Long.Select(Value.Of),
        Gen.Int[-3, 3].Select(number => Value.Of((long)number)),
        Gen.Long[-4, 4].Select(beyond => Value.Of(Exact + beyond)),
        Gen.Long[-4, 4].Select(beyond => Value.Of((double)Exact + beyond)),
        Gen.Long[0, 2000].Select(below => Value.Of(long.MaxValue - below)),
        Gen.Long[0, 2000].Select(above => Value.Of(long.MinValue + above)),
        AnyOf(0.0, -0.0, 0.5, -0.5, 1e300, -1e300, 9.223372036854775807e18, double.Epsilon).Select(Value.Of),
        Gen.Double.Select(Value.Of),
        AnyOf('a', 'b', '\0', '\u0001', 'ÿ', '\uffff').Array[0, 5].Select(text => Value.Of(new string(text))),
        Gen.Int[IndexKeyCodec.TextBytesMax - 2, IndexKeyCodec.TextBytesMax + 2]
            .Select(AnyOf("", "\0", "z"), (length, end) => Value.Of(new string('x', length) + end))
    );

    [Fact]
    public void The_bytes_of_two_values_order_them_as_orderBy_does_and_only_cut_strings_share_a_place() =>
        Gen.Select(s_value, s_value)
            .Where((left, right) => !left.IsUnknown && !right.IsUnknown)
            .Sample(
                (left, right) =>
                {
                    var byValue = Math.Sign(Comparing.OrderOfAll(left, right));
                    var byBytes = Math.Sign(Encoded(left).AsSpan().SequenceCompareTo(Encoded(right)));
                    var mayShare = IndexKeyCodec.IsCut(left) && IndexKeyCodec.IsCut(right);
                    Assert.True(
                        byBytes == byValue || (byBytes == 0 && mayShare),
                        $"{left} {byValue} {byBytes} {right}"
                    );
                },
                iter: 50_000
            );

    [Fact]
    public void A_row_says_where_its_values_end_whatever_key_follows() =>
        Gen.Select(s_value.Array[1, 4], Gen.Byte.Array[1, 20])
            .Sample(
                (values, key) =>
                {
                    byte[] encoded = [.. values.SelectMany(value => Encoded(value))];
                    var reader = new IndexReader([.. values.Select((_, at) => IndexPath.Parse($"doc.p{at}"))]);
                    Assert.Equal(encoded.Length, reader.ValueBytesOf([.. encoded, .. key]));
                },
                iter: 5_000
            );

    [Fact]
    public void Whole_numbers_beside_doubles_stand_where_the_numbers_are()
    {
        Value[] ordered =
        [
            Value.Of(long.MinValue),
            Value.Of(-1.5),
            Value.Of(-1L),
            Value.Of(0L),
            Value.Of(double.Epsilon),
            Value.Of(1L),
            Value.Of(Exact - 1),
            Value.Of((double)Exact),
            Value.Of(Exact + 1),
            Value.Of((double)Exact + 2),
            Value.Of(long.MaxValue - 1),
            Value.Of(long.MaxValue),
            Value.Of(9_223_372_036_854_775_808d),
        ];
        Assert.Equal(
            ordered.Select(value => Convert.ToHexString(Encoded(value))),
            ordered.Select(value => Convert.ToHexString(Encoded(value))).Distinct().Order(StringComparer.Ordinal)
        );
        Assert.Equal(Encoded(Value.Of(1L)), Encoded(Value.Of(1.0)));
        Assert.Equal(Encoded(Value.Of(0L)), Encoded(Value.Of(-0.0)));
    }

    [Fact]
    public void The_bytes_do_not_change()
    {
        string[] golden =
        [
            "10",
            "2001",
            "30BFF00000000000008000",
            "30C3400000000000008001",
            "30400FFFFFFFFFFFFF8000",
            "4061C3BF00FF620001",
            "F0",
        ];
        Value[] values =
        [
            Value.Null,
            Value.True,
            Value.Of(1L),
            Value.Of(Exact + 1),
            Value.Of(-1.0),
            Value.Of("aÿ\0b"),
            Value.OfList([]),
        ];
        Assert.Equal(golden, values.Select(value => Convert.ToHexString(Encoded(value))));
    }

    [Theory]
    [InlineData("doc.a", true)]
    [InlineData("doc.a_1.B", true)]
    [InlineData("doc", false)]
    [InlineData("a.b", false)]
    [InlineData("doc.", false)]
    [InlineData("doc.1", false)]
    [InlineData("doc.a b", false)]
    [InlineData("doc.a[0]", false)]
    [InlineData(null, false)]
    public void A_path_is_a_chain_of_members_below_doc(string? text, bool isPath)
    {
        Assert.Equal(isPath, IndexPath.TryParse(text, out var path));
        Assert.Equal(isPath ? text : null, path?.ToString());
    }

    [Fact]
    public void A_document_is_in_an_index_by_the_last_of_members_with_one_name_and_by_scalars_alone()
    {
        var reader = new IndexReader([IndexPath.Parse("doc.a"), IndexPath.Parse("doc.b.c")]);
        Assert.Equal("30BFF00000000000008000F0", Row(reader, """{"a":2,"a":1}"""));
        Assert.Equal("1010", Row(reader, """{"b":{"c":null},"a":null}"""));
        foreach (var none in (string[])["{}", "no json", "[1]", """{"a":[1]}""", """{"a":{}}""", """{"a":1e999}"""])
        {
            Assert.Null(Row(reader, none));
        }
    }

    static Gen<T> AnyOf<T>(params T[] values) => Gen.Int[0, values.Length - 1].Select(at => values[at]);

    static string? Row(IndexReader reader, string json) =>
        reader.TryRead(Encoding.UTF8.GetBytes(json), out var values) ? Convert.ToHexString(values) : null;

    static byte[] Encoded(Value value)
    {
        ArrayBufferWriter<byte> output = new();
        IndexKeyCodec.Write(output, value);
        return output.WrittenSpan.ToArray();
    }
}
