using CsCheck;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class StampedCodecTests
{
    private static readonly Gen<StampedEntry> Any = Gen.Select(
        Gen.Byte.Array[0, 40],
        Gen.Select(Gen.ULong, Gen.ULong),
        Gen.Select(Gen.Bool, Gen.Bool),
        Gen.Byte.Array[0, 100],
        Gen.String[Gen.Char.AlphaNumeric, 0, 30],
        Gen.Long,
        Gen.Long,
        (key, version, flags, value, contentType, modifiedMs, expiresMs) =>
            new StampedEntry
            {
                Key = key,
                Version = new(version.Item1, version.Item2),
                Tombstone = flags.Item1,
                Overrules = flags.Item2,
                Value = value,
                ContentType = contentType,
                ModifiedMs = modifiedMs,
                ExpiresMs = expiresMs,
            }
    );

    [Fact]
    public void Entries_decode_to_what_was_encoded()
    {
        Any.Array[0, 12]
            .Sample(entries =>
            {
                var decoded = StampedCodec.Decode(StampedCodec.Encode(entries));
                Assert.NotNull(decoded);
                Assert.Equal(entries.Select(Parts), decoded.Select(Parts));
            });
    }

    [Fact]
    public void An_entry_is_the_same_after_it_went_through_a_store_and_overrules_nothing_any_more()
    {
        Any.Sample(entry =>
        {
            var kept = StampedCodec.FromStored(entry.Key, StampedCodec.ToStored(entry));
            Assert.False(kept.Overrules);
            Assert.Equal(Parts(entry.Overrules ? Contradiction.Overruling(kept) : kept), Parts(entry));
        });
    }

    [Fact]
    public void The_format_does_not_change()
    {
        StampedEntry[] entries =
        [
            new()
            {
                Key = Bytes("k"),
                Version = new(0x0102, 3),
                Value = Bytes("value"),
                ContentType = "t/x",
                ModifiedMs = 4,
                ExpiresMs = 5,
            },
            Delete("gone", 6, origin: 7),
        ];
        Assert.Equal(
            "01020000000002010000000000000300000000000000040000000000000005000000000000000100"
                + "00006B03000000742F780500000076616C7565010600000000000000070000000000000006000000"
                + "00000000000000000000000004000000676F6E650000000000000000",
            Convert.ToHexString(StampedCodec.Encode(entries))
        );
    }

    [Fact]
    public void Bytes_that_are_none_are_refused_and_never_throw()
    {
        var good = StampedCodec.Encode([Put("key", 1, "value"), Delete("key", 2)]);
        for (var length = 0; length < good.Length; length++)
        {
            Assert.Null(StampedCodec.Decode(good.AsMemory(0, length)));
        }
        Assert.Null(
            StampedCodec.Decode(
                new byte[] { 2 }
                    .Concat(good.Skip(1))
                    .ToArray()
            )
        );
        Assert.Null(StampedCodec.Decode(good.Append((byte)0).ToArray()));
        Gen.Byte.Array[0, 80].Sample(bytes => _ = StampedCodec.Decode(bytes));
        Gen.Byte.Array[0, 80].Sample(bytes => _ = StampedCodec.Decode(bytes.Prepend((byte)1).ToArray()));
    }

    [Fact]
    public void An_entry_with_a_flag_of_a_later_version_is_refused()
    {
        var bytes = StampedCodec.Encode([Put("key", 1, "value")]);
        bytes[5] = 4;
        Assert.Null(StampedCodec.Decode(bytes));
    }

    private static string Parts(StampedEntry entry) =>
        $"{Convert.ToHexString(entry.Key.Span)} {entry.Version} {entry.Version.Origin} {entry.Tombstone} {entry.Overrules} "
        + $"{Convert.ToHexString(entry.Value.Span)} {entry.ContentType} {entry.ModifiedMs} {entry.ExpiresMs}";
}
