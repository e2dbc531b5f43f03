using CsCheck;
using static Exapyte.Raft.Tests.Harness.Make;

namespace Exapyte.Raft.Tests;

public class QuorumTests
{
    static readonly Gen<Configuration> GenConfiguration =
        from voters in Gen.Int[1, 9].HashSet[1, 7]
        from outgoing in Gen.Int[1, 9].HashSet[0, 7]
        select Configuration.Create(default, voters.Select(Id), outgoing.Select(Id), [], []);

    static readonly Gen<Dictionary<MemberId, ulong>> GenValues =
        from values in Gen.ULong[0, 6].Array[9]
        select Enumerable.Range(0, 9).Where(i => values[i] > 0).ToDictionary(i => Id(i + 1), i => values[i]);

    static readonly Gen<Dictionary<MemberId, ulong>> GenVotes =
        from votes in Gen.ULong[Ballots.Silent, Ballots.Yes].Array[9]
        select Enumerable.Range(0, 9).ToDictionary(i => Id(i + 1), i => votes[i]);

    [Fact]
    [Trait("Scenario", "raft_update_commit_index")]
    public void The_commit_index_is_the_greatest_that_a_majority_of_each_half_has_reached() =>
        GenConfiguration
            .Select(GenValues)
            .Sample(
                (configuration, values) =>
                    Quorum.Reached(configuration, new Values(values)) == ByTrial(configuration, values)
            );

    [Theory]
    [InlineData(16, 8)]
    [InlineData(17, 9)]
    [InlineData(33, 17)]
    public void A_group_of_many_commits_what_its_middle_member_has_reached(int voters, int reached)
    {
        var ids = Enumerable.Range(1, voters).ToArray();
        var values = ids.ToDictionary(Id, id => (ulong)id);

        Assert.Equal((ulong)reached, Quorum.Reached(Voters(ids), new Values(values)));
    }

    [Fact]
    [Trait("Scenario", "raft_vote_counting")]
    public void A_vote_is_won_by_both_majorities_and_lost_once_one_is_out_of_reach() =>
        GenConfiguration
            .Select(GenVotes)
            .Sample(
                (configuration, votes) =>
                    Quorum.Tally(configuration, new Values(votes)) == ByCounting(configuration, votes)
            );

    [Fact]
    public void Any_two_quorums_of_neighbouring_configurations_share_a_member() =>
        GenConfiguration
            .Select(GenVotes, GenVotes, Gen.Int[1, 9])
            .Sample(
                (configuration, one, other, added) =>
                {
                    var simple = Configuration.Create(default, configuration.Voters, [], [], []);
                    ConfigurationChanger.TryApply(simple, ConfigurationChange.AddVoter(Id(added)), out var next, out _);
                    return Quorum.Tally(simple, new Values(one)) != VoteResult.Won
                        || Quorum.Tally(next!, new Values(other)) != VoteResult.Won
                        || one.Keys.Any(id => one[id] == Ballots.Yes && other[id] == Ballots.Yes);
                }
            );

    [Theory]
    [Trait("Scenario", "raft_update_commit_index")]
    // The tables are quorum/testdata of etcd's raft in words: voters, outgoing voters, their indexes, what is committed.
    [InlineData("1", "", "1:12", 12)]
    [InlineData("1", "", "", 0)]
    [InlineData("1 2", "", "1:100", 0)]
    [InlineData("1 2", "", "1:101 2:99", 99)]
    [InlineData("1 2 3", "", "1:100", 0)]
    [InlineData("1 2 3", "", "1:12 2:5", 5)]
    [InlineData("1 2 3", "", "1:12 2:5 3:6", 6)]
    [InlineData("1 2 3", "", "1:12 2:5 3:5", 5)]
    [InlineData("1 2 3 4 5", "", "1:101 2:104 3:103 4:103", 103)]
    [InlineData("1 2 3 4 5", "", "1:101 2:102 3:103 4:103 5:103", 103)]
    [InlineData("1 2 3", "4 5 6", "1:100 2:101 3:99 4:100 5:102 6:99", 100)]
    [InlineData("1 2 3", "1 2 3", "1:2 2:5 3:9", 5)]
    [InlineData("1 2 3", "3 4 5", "1:2 2:5 3:9", 0)]
    [InlineData("1 2 3", "4", "1:9 2:9 3:9 4:3", 3)]
    [InlineData("1", "1 2 3", "1:9 2:4", 4)]
    [InlineData("4", "1 2 3", "1:9 2:9 3:9", 0)]
    public void Table_of_commit_indexes(string voters, string outgoing, string indexes, int committed)
    {
        var values = indexes
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)
            .Select(pair => pair.Split(':'))
            .ToDictionary(pair => Id(int.Parse(pair[0])), pair => ulong.Parse(pair[1]));

        Assert.Equal((ulong)committed, Quorum.Reached(Parse(voters, outgoing), new Values(values)));
    }

    [Theory]
    [Trait("Scenario", "raft_vote_counting")]
    [InlineData("1", "", "y", nameof(VoteResult.Won))]
    [InlineData("1", "", "n", nameof(VoteResult.Lost))]
    [InlineData("1", "", "-", nameof(VoteResult.Pending))]
    [InlineData("1 2", "", "y-", nameof(VoteResult.Pending))]
    [InlineData("1 2", "", "n-", nameof(VoteResult.Lost))]
    [InlineData("1 2", "", "yy", nameof(VoteResult.Won))]
    [InlineData("1 2 3", "", "yy-", nameof(VoteResult.Won))]
    [InlineData("1 2 3", "", "yn-", nameof(VoteResult.Pending))]
    [InlineData("1 2 3", "", "nn-", nameof(VoteResult.Lost))]
    [InlineData("1 2 3 4", "", "yy--", nameof(VoteResult.Pending))]
    [InlineData("1 2 3 4", "", "nn--", nameof(VoteResult.Lost))]
    [InlineData("1 2 3 4 5", "", "yyynn", nameof(VoteResult.Won))]
    [InlineData("1 2 3", "4 5 6", "yy-yy-", nameof(VoteResult.Won))]
    [InlineData("1 2 3", "4 5 6", "yy-y--", nameof(VoteResult.Pending))]
    [InlineData("1 2 3", "4 5 6", "yy-nn-", nameof(VoteResult.Lost))]
    [InlineData("1 2 3", "4 5 6", "------", nameof(VoteResult.Pending))]
    [InlineData("4", "1 2 3", "yyy-", nameof(VoteResult.Pending))]
    [InlineData("4", "1 2 3", "yyyn", nameof(VoteResult.Lost))]
    public void Table_of_votes(string voters, string outgoing, string votes, string expected)
    {
        var values = new Dictionary<MemberId, ulong>();
        for (var i = 0; i < votes.Length; i++)
        {
            values[Id(i + 1)] = votes[i] switch
            {
                'y' => Ballots.Yes,
                'n' => Ballots.No,
                _ => Ballots.Silent,
            };
        }

        Assert.Equal(expected, $"{Quorum.Tally(Parse(voters, outgoing), new Values(values))}");
    }

    [Fact]
    [Trait("Scenario", "raft_vote_counting")]
    public void A_configuration_without_voters_decides_nothing()
    {
        Assert.Equal(0ul, Quorum.Reached(Configuration.Empty, new Values([])));
        Assert.Equal(VoteResult.Lost, Quorum.Tally(Configuration.Empty, new Values([])));
    }

    static Configuration Parse(string voters, string outgoing) =>
        Configuration.Create(default, Ids(voters), Ids(outgoing), [], []);

    static IEnumerable<MemberId> Ids(string text) =>
        text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => Id(int.Parse(id)));

    static ulong ByTrial(Configuration configuration, Dictionary<MemberId, ulong> values)
    {
        for (var candidate = 6ul; candidate > 0; candidate--)
        {
            if (
                Majority(configuration.Voters, id => values.GetValueOrDefault(id) >= candidate)
                && (
                    !configuration.IsJoint
                    || Majority(configuration.OutgoingVoters, id => values.GetValueOrDefault(id) >= candidate)
                )
            )
            {
                return candidate;
            }
        }

        return 0;
    }

    static VoteResult ByCounting(Configuration configuration, Dictionary<MemberId, ulong> votes)
    {
        IReadOnlyCollection<MemberId>[] halves = configuration.IsJoint
            ? [configuration.Voters, configuration.OutgoingVoters]
            : [configuration.Voters];
        if (halves.Any(half => !Majority(half, id => votes[id] != Ballots.No)))
        {
            return VoteResult.Lost;
        }

        return halves.All(half => Majority(half, id => votes[id] == Ballots.Yes)) ? VoteResult.Won : VoteResult.Pending;
    }

    static bool Majority(IReadOnlyCollection<MemberId> voters, Func<MemberId, bool> holds) =>
        voters.Count(holds) * 2 > voters.Count;

    readonly struct Values(Dictionary<MemberId, ulong> values) : IMemberValue
    {
        public ulong Of(MemberId member) => values.GetValueOrDefault(member);
    }
}
