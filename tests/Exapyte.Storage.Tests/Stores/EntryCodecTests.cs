using CsCheck;
using Exapyte.Storage.Stores;
using Xunit;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

public sealed class EntryCodecTests
{
    static readonly Gen<StoredEntry> Any = Gen.Select(
        Gen.Select(Gen.ULong, Gen.OneOf(Gen.Const(0UL), Gen.ULong)),
        Gen.OneOf(Gen.Long, Gen.Long[0, 2_000_000_000_000]),
        Gen.OneOf(Gen.Const(0L), Gen.Long, Gen.Long[0, 2_000_000_000_000]),
        Gen.OneOf(Gen.Const(""), Gen.Const("application/json"), Gen.String),
        Gen.Byte.Array[0, 300],
        (version, modifiedMs, expiresMs, contentType, value) =>
            new StoredEntry(
                new EntryVersion(version.Item1, version.Item2),
                modifiedMs,
                expiresMs,
                (EntryFlags)(value.Length % 2),
                contentType,
                value
            )
    );

    [Fact]
    public void Every_entry_is_read_back_as_it_was_written()
    {
        // Half a surrogate pair has no UTF-8 and would come back as a replacement character.
        Gen.Select(Any, Gen.Byte.Array[0, 40])
            .Where(sample => sample.Item1.ContentType.All(char.IsAscii))
            .Sample(
                (entry, key) =>
                {
                    byte[] row = Encode(key, entry);
                    Assert.Null(EntryCodec.Read(row, key, withValue: true, out StoredEntry read));
                    Assert.Equal(Describe(key, entry), Describe(key, read));
                    Assert.Null(EntryCodec.Read(row, key, withValue: false, out StoredEntry header));
                    Assert.Equal(
                        Describe(key, entry with { Value = ReadOnlyMemory<byte>.Empty }),
                        Describe(key, header)
                    );
                }
            );
    }

    [Fact]
    public void Every_flipped_bit_and_every_cut_is_noticed()
    {
        Gen.Select(Any, Gen.Byte.Array[0, 8])
            .Sample(
                (entry, key) =>
                {
                    byte[] row = Encode(key, entry);
                    for (int bit = 0; bit < 8 * row.Length; bit++)
                    {
                        row[bit / 8] ^= (byte)(1 << (bit % 8));
                        Assert.NotNull(EntryCodec.Read(row, key, withValue: true, out _));
                        row[bit / 8] ^= (byte)(1 << (bit % 8));
                    }
                    for (int length = 0; length < row.Length; length++)
                        Assert.NotNull(EntryCodec.Read(row.AsSpan(0, length), key, withValue: true, out _));
                },
                iter: 50
            );
    }

    [Fact]
    public void A_row_under_another_key_is_noticed()
    {
        byte[] row = Encode(Key("a"), Entry("value"));

        Assert.NotNull(EntryCodec.Read(row, Key("b"), withValue: true, out _));
    }

    [Fact]
    public void Random_bytes_are_never_an_entry()
    {
        Gen.Byte.Array[0, 64].Sample(bytes => Assert.NotNull(EntryCodec.Read(bytes, [], withValue: true, out _)));
    }

    /// <summary>The format on disk: these rows must be readable for ever.</summary>
    [Theory]
    [MemberData(nameof(GoldenRows))]
    public void The_format_on_disk_stays_as_it_is(string expectedRow, string key, StoredEntry entry)
    {
        Assert.Equal(expectedRow, Convert.ToHexString(Encode(Key(key), entry)));
        Assert.Null(
            EntryCodec.Read(Convert.FromHexString(expectedRow), Key(key), withValue: true, out StoredEntry read)
        );
        Assert.Equal(Describe(Key(key), entry), Describe(Key(key), read));
    }

    public static TheoryData<string, string, StoredEntry> GoldenRows =>
        new()
        {
            { "019438D90F00000180809CCDCA6476616C7565", "key", Entry("value") },
            { "013B6E9A0E0100FFFFFFFFFFFFFFFFFF0180809CCDCA64", "", Tombstone(revision: ulong.MaxValue) },
            {
                "013637CF8000078780B0DBA5E793C90180809CCDCA648877665544332211C0A90719746578742F706C61696E3B20636861727365743D7574662D3800FF",
                "k",
                new StoredEntry(
                    new EntryVersion(0x0192_4F3A_5B6C_0007, 0x1122_3344_5566_7788),
                    WrittenMs,
                    WrittenMs + 60_000,
                    EntryFlags.None,
                    "text/plain; charset=utf-8",
                    new byte[] { 0, 255 }
                )
            },
        };

    [Fact]
    public void Versions_are_ordered_by_revision_and_then_by_origin()
    {
        Gen.Select(Gen.ULong[0, 3], Gen.ULong[0, 3], Gen.ULong[0, 3], Gen.ULong[0, 3])
            .Sample(
                (revision, origin, otherRevision, otherOrigin) =>
                {
                    var left = new EntryVersion(revision, origin);
                    var right = new EntryVersion(otherRevision, otherOrigin);
                    int order = (revision, origin).CompareTo((otherRevision, otherOrigin));
                    Assert.Equal(order, left.CompareTo(right));
                    Assert.Equal(order < 0, left < right);
                    Assert.Equal(order > 0, left > right);
                    Assert.Equal(order <= 0, left <= right);
                    Assert.Equal(order >= 0, left >= right);
                }
            );
    }

    static byte[] Encode(byte[] key, in StoredEntry entry)
    {
        byte[] row = new byte[EntryCodec.Length(entry)];
        EntryCodec.Write(row, key, entry);
        return row;
    }
}
