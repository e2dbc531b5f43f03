using Exapyte.Keyspaces;

namespace Exapyte.Grains.Interfaces.Tests;

public sealed class KeyspaceRulesTests
{
    [Theory]
    [InlineData("a", true)]
    [InlineData("orders-2024_x.y", true)]
    [InlineData("9lives", true)]
    [InlineData("", false)]
    [InlineData("-a", false)]
    [InlineData(".a", false)]
    [InlineData("Orders", false)]
    [InlineData("a/b", false)]
    [InlineData("å", false)]
    public void A_name_is_short_small_and_begins_with_a_letter_or_digit(string name, bool valid) =>
        Assert.Equal(valid, KeyspaceRules.IsName(name));

    [Fact]
    public void A_name_has_at_most_63_characters()
    {
        Assert.True(KeyspaceRules.IsName(new string('a', 63)));
        Assert.False(KeyspaceRules.IsName(new string('a', 64)));
    }

    [Fact]
    public void Plain_settings_are_fine() => Assert.Empty(KeyspaceRules.ReasonsAgainst(new()));

    [Fact]
    public void Every_reason_is_given_at_once()
    {
        var settings = new KeyspaceSettings
        {
            Replication = (ReplicationKind)9,
            Distribution = (DistributionKind)9,
            Storage = (StorageKind)9,
            Replicas = 0,
            Shards = 2_000,
            IdempotencyWindowSeconds = 0,
            ChangeRetentionSeconds = -1,
            DefaultTtlSeconds = -1,
            PartitionDelimiter = "",
            WriteQuorum = 1,
        };

        var reasons = KeyspaceRules.ReasonsAgainst(settings);

        string[] words =
        [
            "replication",
            "distribution",
            "storage",
            "replicas",
            "shards",
            "idempotencyWindowSeconds",
            "changeRetentionSeconds",
            "defaultTtlSeconds",
            "partitionDelimiter",
            "writeQuorum",
        ];
        Assert.Equal(words.Length, reasons.Count);
        Assert.All(
            words,
            word => Assert.Contains(reasons, reason => reason.StartsWith(word, StringComparison.Ordinal))
        );
    }

    [Fact]
    public void A_raft_member_must_not_forget_so_raft_in_memory_is_refused()
    {
        Assert.Contains("vote", One(new() { Storage = StorageKind.Memory }), StringComparison.Ordinal);
        Assert.Empty(
            KeyspaceRules.ReasonsAgainst(new() { Replication = ReplicationKind.Quorum, Storage = StorageKind.Memory })
        );
    }

    [Theory]
    [InlineData(3, 2, 2, true)]
    [InlineData(3, 1, 3, true)]
    [InlineData(3, 1, 2, false)]
    [InlineData(5, 2, 3, false)]
    [InlineData(5, 3, 3, true)]
    [InlineData(3, null, null, true)]
    [InlineData(3, 1, null, false)]
    public void A_read_must_meet_every_acknowledged_write(int replicas, int? write, int? read, bool fine)
    {
        var settings = new KeyspaceSettings
        {
            Replication = ReplicationKind.Quorum,
            Replicas = replicas,
            WriteQuorum = write,
            ReadQuorum = read,
        };

        Assert.Equal(fine, KeyspaceRules.ReasonsAgainst(settings).Count == 0);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    public void A_quorum_is_one_to_all_of_the_replicas(int quorum)
    {
        var settings = new KeyspaceSettings
        {
            Replication = ReplicationKind.Quorum,
            WriteQuorum = quorum,
            ReadQuorum = 3,
        };

        Assert.NotEmpty(KeyspaceRules.ReasonsAgainst(settings));
    }

    [Fact]
    public void What_is_fixed_at_creation_cannot_be_changed_and_the_rest_can()
    {
        var current = new KeyspaceSettings();
        var wanted = current with
        {
            Replication = ReplicationKind.Async,
            Distribution = (DistributionKind)9,
            Storage = StorageKind.Memory,
            Shards = 9,
            PartitionDelimiter = "/",
        };

        Assert.Equal(5, KeyspaceRules.ReasonsAgainstChange(current, wanted).Count);
        Assert.Empty(
            KeyspaceRules.ReasonsAgainstChange(
                current,
                current with
                {
                    Replicas = 5,
                    DefaultTtlSeconds = 60,
                    IdempotencyWindowSeconds = 60,
                }
            )
        );
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(4, 3)]
    [InlineData(5, 3)]
    public void A_majority_is_more_than_half(int replicas, int majority) =>
        Assert.Equal(majority, KeyspaceRules.Majority(replicas));

    private static string One(KeyspaceSettings settings) => Assert.Single(KeyspaceRules.ReasonsAgainst(settings));
}
