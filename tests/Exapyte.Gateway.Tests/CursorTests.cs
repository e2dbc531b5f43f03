using CsCheck;
using Exapyte.Gateway.Listing;
using Exapyte.Gateway.Routing;
using Xunit;

namespace Exapyte.Gateway.Tests;

public sealed class CursorTests
{
    private static readonly Gen<byte[]> Keys = Gen.Byte.Array[0, 20];

    private static readonly Gen<Cursor> Cursors = Gen.Select(
        Gen.Select(Keys, Keys, Keys, Keys),
        Gen.Long,
        Gen.Bool,
        Gen.Bool,
        (keys, id, reverse, hasEnd) =>
            new Cursor
            {
                KeyspaceId = id,
                After = keys.Item1,
                Start = keys.Item2,
                End = hasEnd ? keys.Item3 : (ReadOnlyMemory<byte>?)null,
                Prefix = keys.Item4,
                Reverse = reverse,
            }
    );

    private readonly CursorCodec codec = new(new TokenSigner([]));

    [Fact]
    public void A_cursor_comes_back_as_it_was_written() =>
        Cursors.Sample(cursor => codec.TryRead("k", codec.Write("k", cursor), out var read) && Same(cursor, read));

    [Fact]
    public void No_changed_bit_goes_unnoticed() =>
        Gen.Select(Cursors, Gen.Int[0, int.MaxValue])
            .Sample(
                (cursor, at) =>
                {
                    Assert.True(Base64Text.TryDecode(codec.Write("k", cursor), out var bytes));
                    bytes[at / 8 % bytes.Length] ^= (byte)(1 << (at % 8));
                    return !codec.TryRead("k", Base64Text.Encode(bytes), out _);
                }
            );

    [Fact]
    public void A_cursor_of_another_keyspace_or_key_is_not_read() =>
        Cursors.Sample(cursor =>
            !codec.TryRead("k2", codec.Write("k", cursor), out _)
            && !new CursorCodec(new TokenSigner(new byte[16])).TryRead("k", codec.Write("k", cursor), out _)
        );

    [Fact]
    public void Any_text_is_read_or_refused_and_never_throws() =>
        Gen.String.Sample(text => !codec.TryRead("k", text, out _));

    private static bool Same(Cursor left, Cursor right) =>
        left.KeyspaceId == right.KeyspaceId
        && left.Reverse == right.Reverse
        && left.After.Span.SequenceEqual(right.After.Span)
        && left.Start.Span.SequenceEqual(right.Start.Span)
        && left.Prefix.Span.SequenceEqual(right.Prefix.Span)
        && left.End.HasValue == right.End.HasValue
        && left.End.GetValueOrDefault().Span.SequenceEqual(right.End.GetValueOrDefault().Span);
}
