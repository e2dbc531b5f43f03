using System.Text;
using CsCheck;
using Exapyte.Keyspaces;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class KeyspaceMapTests
{
    [Fact]
    public void The_shards_part_the_slots_each_key_lies_in_the_last_one_that_begins_before_it()
    {
        var firstSlots = Gen.Int[1, KeyHash.Slots - 1]
            .HashSet[0, 40]
            .Select(slots => slots.Append(0).Order().ToArray());
        var key = Gen.Byte.Array[1, 20];
        Gen.Select(firstSlots, key)
            .Sample(
                (slots, bytes) =>
                    Maps.Of(slots).ShardIndexOf(bytes)
                    == Array.FindLastIndex(slots, slot => slot <= KeyHash.SlotOf(bytes, []))
            );
    }

    [Fact]
    public void The_map_hashes_keys_through_the_delimiter_of_its_settings()
    {
        var map = Maps.Even(64, new() { PartitionDelimiter = "/" });

        var shards = Enumerable.Range(0, 50).Select(i => map.ShardIndexOf(Encoding.UTF8.GetBytes($"u/{i}"))).Distinct();

        Assert.Single(shards);
    }

    [Fact]
    public void A_map_tells_whether_a_shard_lacks_replicas()
    {
        Assert.True(Maps.Even(2, new() { Replicas = 3 }).UnderReplicated);
        Assert.False(Maps.Even(2, new() { Replicas = 1 }).UnderReplicated);
    }
}
