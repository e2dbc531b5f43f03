using CsCheck;
using Exapyte.Gateway.Routing;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class TargetPropertyTests
{
    private const string Entries = "/v1/keyspaces/k/entries/";

    // Bytes that mean something in a target come up often.
    private static readonly Gen<byte[]> Keys = Gen.Frequency(
        (3, Gen.Char["/.%2F+?e"].Select(character => (byte)character)),
        (1, Gen.Byte)
    ).Array[1, 40];

    private static readonly Gen<byte[]> AddressableKeys = Keys.Where(key => !HasDotSegment(key));

    private static readonly Gen<byte[]> KeysWithDotSegment = Gen.Select(
        Keys.Array[0, 3],
        Gen.Bool,
        Keys.Array[0, 3],
        (before, isDouble, after) =>
            string.Join('/', [.. before.Select(Text), isDouble ? ".." : ".", .. after.Select(Text)])
                .Select(character => (byte)character)
                .ToArray()
    );

    private readonly TargetParser parser = new(1_024);

    [Fact]
    public void Any_key_without_dot_segments_comes_back_from_its_text() =>
        AddressableKeys.Sample(key =>
        {
            var call = parser.Parse(Entries + PercentCoding.Encode(key), "");
            return call.Refusal is null && call.Route == GatewayRoute.Entry && call.Key.AsSpan().SequenceEqual(key);
        });

    [Fact]
    public void Any_key_comes_back_from_its_base64url() =>
        Keys.Sample(key =>
        {
            var call = parser.Parse("/v1/keyspaces/k/entries64/" + Base64Text.Encode(key), "");
            return call.Route == GatewayRoute.Entry64 && call.Key.AsSpan().SequenceEqual(key);
        });

    [Fact]
    public void However_a_key_is_escaped_it_is_the_same_key() =>
        Gen.Select(AddressableKeys, Gen.Int)
            .Sample(
                (key, seed) =>
                {
                    var random = new Random(seed);
                    var text = string.Concat(
                        key.Select(value =>
                            value is >= 0x21 and <= 0x7e and not ((byte)'%' or (byte)'?' or (byte)'#')
                            && random.Next(2) == 0
                                ? ((char)value).ToString()
                            : random.Next(2) == 0 ? $"%{value:X2}"
                            : $"%{value:x2}"
                        )
                    );
                    return parser.Parse(Entries + text, "").Key.AsSpan().SequenceEqual(key);
                }
            );

    [Fact]
    public void Distinct_keys_never_fold() =>
        Gen.Select(AddressableKeys, AddressableKeys)
            .Sample(
                (left, right) =>
                    left.AsSpan().SequenceEqual(right)
                    || !parser
                        .Parse(Entries + PercentCoding.Encode(left), "")
                        .Key.AsSpan()
                        .SequenceEqual(parser.Parse(Entries + PercentCoding.Encode(right), "").Key)
            );

    [Fact]
    public void A_key_with_a_dot_segment_is_refused_however_it_is_escaped() =>
        Gen.Select(KeysWithDotSegment, Gen.Int)
            .Sample(
                (key, seed) =>
                {
                    var random = new Random(seed);
                    var text = string.Concat(
                        key.Select(value =>
                            value is (byte)'.' or (byte)'/' && random.Next(2) == 0
                                ? ((char)value).ToString()
                                : $"%{value:x2}"
                        )
                    );
                    return parser.Parse(Entries + text, "").Refusal?.Kind.Code == "invalid-target";
                }
            );

    [Fact]
    public void Any_text_is_read_or_refused_and_never_throws() =>
        Gen.Char[' ', '\u00ff']
            .Array[0, 60]
            .Sample(text =>
            {
                var target = new string(text);
                var call = parser.Parse("/v1/keyspaces/k/" + target, "");
                var other = parser.Parse(target, "/base");
                return (call.Refusal is null) != (call.Route == GatewayRoute.None)
                    && (other.Refusal is null) != (other.Route == GatewayRoute.None);
            });

    [Fact]
    public void A_path_base_is_taken_off_however_it_is_escaped()
    {
        Assert.Equal(GatewayRoute.Live, parser.Parse("/a%20b/%c3%a6/livez", "/a b/æ").Route);
        Assert.Equal(GatewayRoute.Live, parser.Parse("/BASE/livez", "/base").Route);
        Assert.Equal(GatewayRoute.Root, parser.Parse("/base", "/base").Route);
        Assert.Equal(GatewayRoute.None, parser.Parse("/basement/livez", "/base").Route);
        Assert.Equal(GatewayRoute.None, parser.Parse("/livez", "/base").Route);
        Assert.Equal(
            "a/b"u8.ToArray(),
            parser.Parse("http://h/base/v1/keyspaces/k/entries/a%2Fb?consistency=one", "/base").Key
        );
    }

    private static string Text(byte[] key) => System.Text.Encoding.Latin1.GetString(key);

    private static bool HasDotSegment(byte[] key)
    {
        var segments = Text(key).Split('/');
        return segments.Contains(".") || segments.Contains("..");
    }
}
