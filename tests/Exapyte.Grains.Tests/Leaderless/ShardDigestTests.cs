using CsCheck;
using Exapyte.Grains.Replicas.Leaderless;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using static Exapyte.Grains.Tests.Leaderless.Entries;

namespace Exapyte.Grains.Tests.Leaderless;

public sealed class ShardDigestTests
{
    private static readonly ComparisonTerms Terms = new()
    {
        AsOfMs = 1_000,
        SweptMs = 10,
        RevisionMax = 1_000,
    };

    private static readonly Gen<(byte[] Key, StoredEntry Entry)> Row =
        from key in Gen.Byte.Array[1, 20]
        from revision in Gen.ULong[1, 1_000]
        from origin in Gen.ULong[1, 5]
        from modified in Gen.Long[11, 1_000]
        from expires in Gen.Long[1_001, 2_000]
        from isText in Gen.Bool
        from value in Gen.Byte.Array[0, 50]
        select (
            key,
            new StoredEntry(
                new(revision, origin),
                modified,
                expires,
                EntryFlags.None,
                isText ? "text/plain" : "",
                value
            )
        );

    [Fact]
    public void A_digest_does_not_depend_on_the_order_of_the_entries() =>
        (from rows in Row.Array[0, 50] from seed in Gen.Int select (rows, seed)).Sample(one =>
        {
            var shuffled = ((byte[], StoredEntry)[])one.rows.Clone();
            new Random(one.seed).Shuffle(shuffled);
            Assert.Equal(Digest(one.rows), Digest(shuffled));
        });

    [Fact]
    public void Any_single_difference_changes_the_one_leaf_of_its_key() =>
        (
            from rows in Row.Array[1, 50]
            from at in Gen.Int[0, rows.Length - 1]
            from change in Gen.Int[0, 7]
            select (rows, at, change)
        ).Sample(one =>
        {
            var (key, entry) = one.rows[one.at];
            var changed = ((byte[], StoredEntry)[])one.rows.Clone();
            changed[one.at] = (
                key,
                one.change switch
                {
                    0 => entry with { Version = new(entry.Version.Revision - 1, entry.Version.Origin) },
                    1 => entry with { Version = new(entry.Version.Revision, entry.Version.Origin + 1) },
                    2 => entry with { ModifiedMs = entry.ModifiedMs + 1 },
                    3 => entry with { ExpiresMs = entry.ExpiresMs + 1 },
                    4 => entry with { Flags = EntryFlags.Tombstone },
                    5 => entry with { ContentType = entry.ContentType + "x" },
                    6 => entry with { Value = (byte[])[.. entry.Value.Span, 0] },
                    _ => entry with { Value = Flipped(entry.Value.ToArray()) },
                }
            );
            Assert.Equal([ShardDigest.LeafOf(key)], ShardDigest.Differences(Digest(one.rows), Digest(changed)));
            changed = [.. one.rows[..one.at], .. one.rows[(one.at + 1)..]];
            Assert.Equal([ShardDigest.LeafOf(key)], ShardDigest.Differences(Digest(one.rows), Digest(changed)));
        });

    [Fact]
    public void What_one_replica_may_have_swept_and_what_is_on_its_way_is_left_out()
    {
        (byte[], StoredEntry)[] left =
        [
            (Bytes("deleted"), Stored(Delete("deleted", 5))),
            (Bytes("expired"), Stored(Put("expired", 5, "v")) with { ExpiresMs = 10 }),
            (Bytes("young"), Stored(Put("young", 1_001, "v"))),
        ];
        Assert.Equal(Digest([]), Digest(left));
        Assert.NotEqual(Digest([]), Digest([(Bytes("deleted"), Stored(Delete("deleted", 11)))]));
    }

    [Fact]
    public void Of_what_has_expired_only_the_version_counts_for_a_full_memory_keeps_no_more()
    {
        var expired = Stored(Put("k", 500, "value")) with { ExpiresMs = 900 };
        var kept = expired with { Flags = EntryFlags.Tombstone, Value = default };
        Assert.Equal(Digest([(Bytes("k"), expired)]), Digest([(Bytes("k"), kept)]));
        Assert.NotEqual(
            Digest([(Bytes("k"), expired)]),
            Digest([(Bytes("k"), expired with { Version = new(501, 1) })])
        );
    }

    [Fact]
    public void Keys_fall_evenly_into_the_leaves()
    {
        var counts = new int[ShardDigest.LeavesCount];
        for (var i = 0; i < 100 * ShardDigest.LeavesCount; i++)
        {
            counts[ShardDigest.LeafOf(Bytes($"user:{i}"))]++;
        }
        Assert.All(counts, count => Assert.InRange(count, 40, 180));
    }

    private static StoredEntry Stored(StampedEntry entry) => StampedCodec.ToStored(entry);

    private static byte[] Flipped(byte[] value)
    {
        if (value.Length == 0)
        {
            return [1];
        }
        value[^1] ^= 1;
        return value;
    }

    private static ulong[] Digest(IEnumerable<(byte[] Key, StoredEntry Entry)> rows)
    {
        var leaves = new ulong[ShardDigest.LeavesCount];
        foreach (var (key, entry) in rows)
        {
            ShardDigest.Add(leaves, key, entry, Terms);
        }
        return leaves;
    }
}
