using CsCheck;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class RangeMapTests
{
    private static readonly Gen<byte> Letters = Gen.Int[0, 5].Select(i => new byte[] { 0, 1, 97, 98, 254, 255 }[i]);

    /// <summary>Short ones of few different bytes, the greatest among them: neighbours and equal ones come often.</summary>
    private static readonly Gen<byte[]> Keys = Letters.Array[1, 4];

    private static readonly Gen<byte[][]> Splits = Keys.Array[0, 40].Select(Ordered);

    [Fact]
    [Trait("Scenario", "sharded_distribution_range_routing")]
    public void Each_key_lies_in_the_last_shard_that_starts_before_it_or_at_it()
    {
        Gen.Select(Splits, Keys.Array[1, 30])
            .Sample(
                (splits, keys) =>
                {
                    var map = Maps.Range(splits);
                    foreach (var key in keys.Concat(splits.SelectMany(Around)))
                    {
                        var at = map.ShardIndexOf(key);

                        Assert.Equal(splits.Count(split => split.AsSpan().SequenceCompareTo(key) <= 0), at);
                        Assert.Equal([at], Holders(map, key));
                    }
                }
            );
    }

    [Fact]
    public void A_range_meets_the_shards_that_own_a_key_of_it_and_no_other()
    {
        Gen.Select(Splits, Keys, Keys)
            .Sample(
                (splits, one, other) =>
                {
                    var map = Maps.Range(splits);
                    var (start, end) = one.AsSpan().SequenceCompareTo(other) < 0 ? (one, other) : (other, one);
                    // The least key of a range that a shard owns is where the later of the two begins.
                    var expected = Enumerable
                        .Range(0, map.Shards.Length)
                        .Where(at =>
                        {
                            var least = Max(map.Shards[at].Start, start);
                            return least.AsSpan().SequenceCompareTo(end) < 0 && map.ShardIndexOf(least) == at;
                        });

                    var met = Enumerable
                        .Range(0, map.Shards.Length)
                        .Where(at => ShardIntervals.Meets(map.Shards, at, start, end));

                    Assert.Equal(start.AsSpan().SequenceEqual(end) ? [] : expected, Nonempty(start, end, met));
                }
            );
    }

    [Fact]
    public void The_shards_of_other_keyspaces_may_hold_any_key()
    {
        var map = Maps.Even(3);

        Assert.All(Enumerable.Range(0, 3), at => Assert.Null(ShardIntervals.EndOf(map.Shards, at)));
        Assert.All(
            Enumerable.Range(0, 3),
            at => Assert.True(ShardIntervals.Meets(map.Shards, at, "a"u8.ToArray(), null))
        );
    }

    [Fact]
    public void A_map_and_its_settings_arrive_with_their_bounds()
    {
        using var services = new ServiceCollection().AddSerializer().BuildServiceProvider();
        var serializer = services.GetRequiredService<Serializer>();
        var map = Maps.Range(
            [
                [1],
                [2, 255],
                "p"u8.ToArray(),
            ],
            splitBytes: 1 << 20
        );

        var arrived = serializer.Deserialize<KeyspaceMap>(serializer.SerializeToArray(map));

        Assert.NotNull(arrived);
        Assert.Equal(map.Settings, arrived.Settings);
        Assert.Equal(map.Settings.GetHashCode(), arrived.Settings.GetHashCode());
        Assert.Equal(SplitKeys.Of(map), SplitKeys.Of(arrived));
        Assert.Equal(3, arrived.ShardIndexOf("p"u8));
    }

    [Fact]
    public void Split_keys_are_those_of_the_map_whatever_the_settings_said_at_first()
    {
        var map = Maps.Range(["g"u8.ToArray()]);
        var later = map with
        {
            Shards =
            [
                map.Shards[0],
                map.Shards[1] with
                {
                    Start = "h"u8.ToArray(),
                },
                Maps.Range(["p"u8.ToArray()]).Shards[1],
            ],
        };

        Assert.Equal(SplitKeys.Of("h", "p"), SplitKeys.Of(later));
        Assert.Equal(0, later.ShardIndexOf("g"u8));
        Assert.Null(SplitKeys.Of(Maps.Range([])));
        Assert.Null(SplitKeys.Of(Maps.Even(4)));
    }

    [Theory]
    [InlineData(64L << 10, true)]
    [InlineData((64L << 10) - 1, false)]
    public void A_shard_is_not_split_below_64_KiB(long splitBytes, bool fine) =>
        Assert.Equal(fine, KeyspaceRules.ReasonsAgainst(Range() with { SplitBytes = splitBytes }).Count == 0);

    [Fact]
    public void Split_keys_are_at_most_1023_ascending_distinct_keys()
    {
        var most = Enumerable
            .Range(0, Limits.ShardsMax)
            .Select(i => new[] { (byte)(i >> 8), (byte)i, (byte)1 })
            .ToArray();

        Assert.Empty(ReasonsFor(most[..^1]));
        Assert.Contains("at most 1023", Assert.Single(ReasonsFor(most)), StringComparison.Ordinal);
        Assert.Contains("ascend", Assert.Single(ReasonsFor([2], [1])), StringComparison.Ordinal);
        Assert.Contains("distinct", Assert.Single(ReasonsFor([2], [2])), StringComparison.Ordinal);
        Assert.Contains("[1] must be 1 to 1024 bytes", ReasonsFor([2], [])[0], StringComparison.Ordinal);
        Assert.Contains(
            "must be 1 to 1024 bytes",
            Assert.Single(ReasonsFor(new byte[1_025])),
            StringComparison.Ordinal
        );
        Assert.Empty(ReasonsFor(new byte[1_024]));
    }

    [Fact]
    public void What_goes_with_one_distribution_is_refused_with_the_other_all_at_once()
    {
        var range = Range() with { Shards = 4, PartitionDelimiter = "/" };
        var hash = new KeyspaceSettings { SplitKeys = SplitKeys.Of("g"), SplitBytes = 1 << 20 };

        Assert.Equal(["shards", "partitionDelimiter"], KeyspaceRules.ReasonsAgainst(range).Select(FirstWord));
        Assert.Equal(["splitKeys", "splitBytes"], KeyspaceRules.ReasonsAgainst(hash).Select(FirstWord));
    }

    [Fact]
    public void Split_keys_are_fixed_at_creation_and_split_bytes_are_not()
    {
        var current = Range() with { SplitKeys = SplitKeys.Of("g", "p") };

        Assert.Empty(KeyspaceRules.ReasonsAgainstChange(current, current with { SplitKeys = SplitKeys.Of("g", "p") }));
        Assert.Empty(KeyspaceRules.ReasonsAgainstChange(current, current with { SplitBytes = 1 << 20 }));
        Assert.Contains(
            "splitKeys is fixed at creation: it is 'g, p' and cannot become 'g'",
            Assert.Single(KeyspaceRules.ReasonsAgainstChange(current, current with { SplitKeys = SplitKeys.Of("g") })),
            StringComparison.Ordinal
        );
    }

    private static KeyspaceSettings Range() => new() { Distribution = DistributionKind.Range };

    private static IReadOnlyList<string> ReasonsFor(params byte[][] keys) =>
        KeyspaceRules.ReasonsAgainst(Range() with { SplitKeys = new() { Keys = keys } });

    private static string FirstWord(string reason) => reason.Split(' ')[0];

    private static IEnumerable<int> Holders(KeyspaceMap map, byte[] key) =>
        Enumerable
            .Range(0, map.Shards.Length)
            .Where(at => ShardIntervals.Meets(map.Shards, at, key, (byte[])[.. key, 0]));

    private static IEnumerable<int> Nonempty(byte[] start, byte[] end, IEnumerable<int> met) =>
        start.AsSpan().SequenceEqual(end) ? [] : met;

    private static byte[] Max(byte[] one, byte[] other) => one.AsSpan().SequenceCompareTo(other) > 0 ? one : other;

    private static byte[][] Ordered(byte[][] keys) =>
        [
            .. keys.DistinctBy(Convert.ToHexString)
                .Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))),
        ];

    /// <summary>A key, its neighbours on both sides, and what begins with it.</summary>
    private static IEnumerable<byte[]> Around(byte[] key)
    {
        yield return key;
        yield return [.. key, 0];
        yield return [.. key, 255];
        yield return [.. key, 255, 255, 255];
        if (key.Length > 1)
        {
            yield return key[..^1];
        }
        if (key[^1] > 0)
        {
            yield return [.. key[..^1], (byte)(key[^1] - 1)];
            yield return [.. key[..^1], (byte)(key[^1] - 1), 255, 255];
        }
    }
}
