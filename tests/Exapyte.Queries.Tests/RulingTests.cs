using System.Text;
using Exapyte.Queries.Documents;
using Exapyte.Queries.Values;

namespace Exapyte.Queries.Tests;

/// <summary>What expressions mean, ruling by ruling. Each line is document, expression, value.</summary>
public sealed class RulingTests
{
    [Theory]
    [InlineData("""{"a":1}""", "doc.a", "1")]
    [InlineData("""{"a":{"b":[10,20]}}""", "doc.a.b[1]", "20")]
    [InlineData("""{"a":{"b":[10,20]}}""", """doc["a"]["b"][0]""", "10")]
    [InlineData("""{"a":1}""", "doc.b", "unknown")]
    [InlineData("""{"a":1}""", "doc.a.b", "unknown")]
    [InlineData("""{"a":[1]}""", "doc.a[1]", "unknown")]
    [InlineData("""{"a":[1]}""", "doc.a[-1]", "unknown")]
    [InlineData("""{"a":[1],"i":0}""", "doc.a[doc.i]", "1")]
    [InlineData("""{"a":{"x":3},"n":"x"}""", "doc.a[doc.n]", "3")]
    [InlineData("""{"a":1,"a":2}""", "doc.a", "2")]
    [InlineData("""{"a":{"b":1},"a":{"c":2}}""", "doc.a.b", "unknown")]
    [InlineData("""{"a":{"b":1},"a":5}""", "doc.a.b", "unknown")]
    [InlineData("""{"a":1""", "doc.a", "unknown")]
    [InlineData("""{"a":1} x""", "doc.a", "unknown")]
    [InlineData("""{"a":1,}""", "doc.a", "unknown")]
    [InlineData("hello", "doc", "unknown")]
    [InlineData("", "doc", "unknown")]
    [InlineData("5", "doc", "5")]
    [InlineData("""{"in":1,"true":2}""", "doc.in + doc.true", "3")]
    [InlineData("""{"\u0061":1}""", "doc.a", "1")]
    [InlineData("""{"a b":{"ü":1}}""", "doc['a b']['ü']", "1")]
    public void Paths(string document, string expression, string value) =>
        Assert.Equal(value, Evaluated.Over(document, expression));

    [Theory]
    [InlineData("1 == 1.0", "true")]
    [InlineData("9007199254740993 == 9007199254740992.0", "false")]
    [InlineData("9007199254740993 > 9007199254740992.0", "true")]
    [InlineData("9223372036854775807 < 9223372036854775808.0", "true")]
    [InlineData("-9223372036854775808 == -9223372036854775808.0", "true")]
    [InlineData("1 == '1'", "false")]
    [InlineData("1 != '1'", "true")]
    [InlineData("1 < '1'", "unknown")]
    [InlineData("null == null", "true")]
    [InlineData("null < null", "unknown")]
    [InlineData("null <= null", "unknown")]
    [InlineData("false < true", "true")]
    [InlineData("[1, 2] == [1.0, 2]", "true")]
    [InlineData("[1] == [1, 2]", "false")]
    [InlineData("[1] < [2]", "unknown")]
    [InlineData("doc.missing == null", "unknown")]
    [InlineData("doc.missing != null", "unknown")]
    [InlineData("'a' < 'b'", "true")]
    [InlineData("'Z' < 'a'", "true")]
    [InlineData(@"'\uFFFD' < '\U0001F600'", "true")]
    [InlineData("'' < 'a'", "true")]
    public void Comparisons(string expression, string value) => Assert.Equal(value, Evaluated.Over("{}", expression));

    [Theory]
    [InlineData("""{"a":{"x":1,"y":2},"b":{"y":2.0,"x":1}}""", "doc.a == doc.b", "true")]
    [InlineData("""{"a":{"x":1},"b":{"x":1,"y":2}}""", "doc.a == doc.b", "false")]
    [InlineData("""{"a":[1,{"x":[null]}],"b":[1.0,{"x":[null]}]}""", "doc.a == doc.b", "true")]
    [InlineData("""{"a":{"x":1,"x":2},"b":{"x":2}}""", "doc.a == doc.b", "true")]
    public void Equality_of_lists_and_objects_is_deep(string document, string expression, string value) =>
        Assert.Equal(value, Evaluated.Over(document, expression));

    [Theory]
    [InlineData("true && doc.x", "unknown")]
    [InlineData("false && doc.x", "false")]
    [InlineData("doc.x && false", "false")]
    [InlineData("true || doc.x", "true")]
    [InlineData("doc.x || true", "true")]
    [InlineData("doc.x || false", "unknown")]
    [InlineData("!doc.x", "unknown")]
    [InlineData("!1", "unknown")]
    [InlineData("1 && true", "unknown")]
    [InlineData("1 && false", "false")]
    [InlineData("'a' || true", "true")]
    [InlineData("doc.x ? 1 : 2", "unknown")]
    [InlineData("1 ? 1 : 2", "unknown")]
    [InlineData("true ? 1 : doc.x", "1")]
    [InlineData("false ? 1 : true ? 2 : 3", "2")]
    [InlineData("doc.x && doc.y || true", "true")]
    [InlineData("true || false && false", "true")]
    [InlineData("!(1 == 2) && !false", "true")]
    public void Three_values(string expression, string value) => Assert.Equal(value, Evaluated.Over("{}", expression));

    [Theory]
    [InlineData("1 + 2 * 3", "7")]
    [InlineData("(1 + 2) * 3", "9")]
    [InlineData("10 - 3 - 2", "5")]
    [InlineData("7 / 2", "3")]
    [InlineData("-7 / 2", "-3")]
    [InlineData("-7 % 3", "-1")]
    [InlineData("7 % -3", "1")]
    [InlineData("7 / 2.0", "3.5")]
    [InlineData("1 / 0", "unknown")]
    [InlineData("1 % 0", "unknown")]
    [InlineData("1.0 / 0.0", "unknown")]
    [InlineData("1.0 / 0", "unknown")]
    [InlineData("7.0 % 2.0", "unknown")]
    [InlineData("7 % 2.0", "unknown")]
    [InlineData("9223372036854775807 + 1", "unknown")]
    [InlineData("-9223372036854775808 - 1", "unknown")]
    [InlineData("9223372036854775807 * 2", "unknown")]
    [InlineData("-9223372036854775808 / -1", "unknown")]
    [InlineData("-9223372036854775808 % -1", "0")]
    [InlineData("-(-9223372036854775808)", "unknown")]
    [InlineData("1e308 * 10.0", "unknown")]
    [InlineData("1 + 0.5", "1.5")]
    [InlineData("'a' + 'b'", "\"ab\"")]
    [InlineData("'a' + 1", "unknown")]
    [InlineData("-'a'", "unknown")]
    [InlineData(".5 + 1e1", "10.5")]
    [InlineData("--1", "1")]
    public void Arithmetic(string expression, string value) => Assert.Equal(value, Evaluated.Over("{}", expression));

    [Theory]
    [InlineData("""{"a":10000000000000000000}""", "doc.a", "unknown")]
    [InlineData("""{"a":10000000000000000000}""", "has(doc.a)", "true")]
    [InlineData("""{"a":1e999}""", "doc.a", "unknown")]
    [InlineData("""{"a":9223372036854775807}""", "doc.a", "9223372036854775807")]
    [InlineData("""{"a":1.0}""", "doc.a / 2", "0.5")]
    [InlineData("""{"a":1e2}""", "doc.a == 100", "true")]
    [InlineData("""{"a":-0}""", "doc.a", "0")]
    [InlineData("""{"a":"\ud800"}""", "doc.a", "unknown")]
    [InlineData("""{"a":"\u00e4\n"}""", "doc.a == 'ä\\n'", "true")]
    public void Numbers_and_texts_of_documents(string document, string expression, string value) =>
        Assert.Equal(value, Evaluated.Over(document, expression));

    [Theory]
    [InlineData("""{"a":null}""", "has(doc.a)", "true")]
    [InlineData("""{"a":null}""", "has(doc.a.b)", "false")]
    [InlineData("""{}""", "has(doc.a.b)", "false")]
    [InlineData("""{"a":{"b":0}}""", "has(doc.a.b)", "true")]
    [InlineData("""{"a":[0]}""", "has(doc.a[0]) && !has(doc.a[1])", "true")]
    [InlineData("""{"a":{"b":0},"n":"b"}""", "has(doc.a[doc.n])", "true")]
    [InlineData("no json", "has(doc.a)", "false")]
    [InlineData("""{}""", "has(meta.expires)", "false")]
    [InlineData("""{}""", "has(meta.contentType)", "true")]
    public void Has(string document, string expression, string value) =>
        Assert.Equal(value, Evaluated.Over(document, expression));

    [Theory]
    [InlineData("1 in [1, 2]", "true")]
    [InlineData("1.0 in [1, 2]", "true")]
    [InlineData("3 in [1, 2]", "false")]
    [InlineData("3 in [1, doc.x]", "unknown")]
    [InlineData("1 in [1, doc.x]", "true")]
    [InlineData("doc.x in [1]", "unknown")]
    [InlineData("'m' in doc.o", "true")]
    [InlineData("'z' in doc.o", "false")]
    [InlineData("1 in doc.o", "unknown")]
    [InlineData("1 in 1", "unknown")]
    [InlineData("2 in doc.l", "true")]
    [InlineData("'two' in @names", "true")]
    [InlineData("1 in []", "false")]
    public void In(string expression, string value) =>
        Assert.Equal(value, Evaluated.Over("""{"o":{"m":1},"l":[1,2]}""", expression, """{"names":["one","two"]}"""));

    [Theory]
    [InlineData("size('äö😀')", "3")]
    [InlineData("'abc'.size()", "3")]
    [InlineData("size([1,2])", "2")]
    [InlineData("size(doc.o)", "2")]
    [InlineData("size(doc.l)", "3")]
    [InlineData("size(1)", "unknown")]
    [InlineData("'abc'.startsWith('ab')", "true")]
    [InlineData("'abc'.endsWith('bc')", "true")]
    [InlineData("'abc'.contains('')", "true")]
    [InlineData("'abc'.contains('x')", "false")]
    [InlineData("'abc'.contains(1)", "unknown")]
    [InlineData("lower('ÄbC') + upper('äbC')", "\"äbcÄBC\"")]
    [InlineData("'abc'.upper()", "\"ABC\"")]
    [InlineData("'xaby'.matches('a.')", "true")]
    [InlineData("'xaby'.matches('^a')", "false")]
    [InlineData("'a'.matches(doc.bad)", "unknown")]
    [InlineData("'a'.matches(doc.good)", "true")]
    [InlineData("1.matches('a')", "unknown")]
    public void Functions(string expression, string value) =>
        Assert.Equal(
            value,
            Evaluated.Over("""{"o":{"a":1,"b":2,"a":3},"l":[1,[2,3],{}],"bad":"(","good":"[a]"}""", expression)
        );

    [Fact]
    public void Key_and_meta()
    {
        var entry = new EntryView
        {
            Key = "users/ada"u8.ToArray(),
            Value = "{}"u8.ToArray(),
            Version = "v7",
            ContentType = "",
            ModifiedMs = 5,
            ExpiresMs = 9,
        };
        Assert.True(Evaluated.With(entry, "key == 'users/ada' && meta.version == 'v7' && meta.bytes == 2").IsTrue);
        Assert.True(Evaluated.With(entry, "meta.modified == 5 && meta.expires == 9").IsTrue);
        Assert.True(Evaluated.With(entry, "meta.contentType").IsUnknown);
        Assert.True(Evaluated.With(entry with { Key = new byte[] { 255 } }, "key").IsUnknown);
    }

    [Fact]
    public void A_document_nested_deeper_than_64_levels_is_no_document()
    {
        static string Nested(int levels) => new string('[', levels) + new string(']', levels);
        Assert.False(Evaluated.With(Evaluated.Entry(Nested(64)), "doc").IsUnknown);
        Assert.True(Evaluated.With(Evaluated.Entry(Nested(65)), "doc").IsUnknown);
    }

    [Fact]
    public void A_text_of_invalid_utf8_has_no_value()
    {
        byte[] value = [.. "{\"a\":\""u8, 0xFF, .. "\",\"b\":1}"u8];
        var entry = Evaluated.Entry("") with { Value = value };
        Assert.True(Evaluated.With(entry, "doc.a").IsUnknown);
    }

    [Fact]
    public void A_joined_text_beyond_its_bound_has_no_value()
    {
        var half = new string('x', (QueryLimits.StringBytesMax / 2) + 1);
        Assert.True(Evaluated.With(Evaluated.Entry($$"""{"a":"{{half}}"}"""), "doc.a + doc.a").IsUnknown);
    }
}
