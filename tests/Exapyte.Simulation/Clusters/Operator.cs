using System.Collections.Immutable;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Invariants;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// What the control plane does: adds replicas, changes who votes, retires whom a committed configuration has left out, and
/// replaces replicas that damage has ended. A group never goes below three voters, so that one of them may be damaged.
/// </summary>
internal sealed class Operator(World world, SimulatedGroup group)
{
    private const int ActEveryUs = 150_000;
    public const int VotersMin = 3;
    private const int ReplicasMax = 7;

    private readonly SortedSet<MemberId> joining = [];
    private readonly SortedSet<MemberId> retiring = [];
    private readonly MapOperator map = new(world, group);
    private long nextChangeUs;

    public bool IsRetiring(MemberId member) => retiring.Contains(member);

    /// <summary>Whether nothing is left to be mended.</summary>
    public bool IsDone =>
        !group.HasDamaged
        && !group.History.Configuration.IsJoint
        && joining.Count == 0
        && GivenUp(group.History.Configuration).IsNone
        && (!group.IsMapped || map.IsSettled);

    public void Begin()
    {
        nextChangeUs = 1_000_000;
        world.Add(ActEveryUs, EventKind.Operator, this);
    }

    public void Act()
    {
        world.Add(ActEveryUs, EventKind.Operator, this);
        Retire();
        if (group.IsMapped)
        {
            foreach (var member in joining)
            {
                CreateIfLost(member);
            }
            map.Act(otherwise => TryJoin(FreeNode() ?? otherwise));
            return;
        }
        if (group.Leader() is not { } leader)
        {
            return;
        }
        var configuration = leader.Core.Configuration;
        if (configuration.IsJoint)
        {
            if (!configuration.AutoLeave && (world.IsHealed || world.Chance.OneIn(4)))
            {
                Propose(leader, ConfigurationChange.Leave);
            }
            return;
        }
        if (GivenUp(configuration) is { IsNone: false } givenUp)
        {
            Propose(leader, ConfigurationChange.Remove(givenUp));
        }
        else if (group.HasDamaged)
        {
            Replace(leader, configuration);
        }
        else if (joining.Count > 0)
        {
            AddLearner(leader);
        }
        else if (!world.IsHealed && world.Queue.NowUs >= nextChangeUs && world.Weather.ChangeEveryUs < int.MaxValue)
        {
            nextChangeUs = world.Queue.NowUs + world.Chance.Between(ActEveryUs, world.Weather.ChangeEveryUs);
            Change(leader, configuration);
        }
    }

    private void Retire()
    {
        var current = group.History.Configuration;
        foreach (var member in group.Placed.ToArray())
        {
            if (current.Members.Contains(member))
            {
                joining.Remove(member);
                CreateIfLost(member);
                continue;
            }
            if (!IsKnownToMajority(current))
            {
                continue;
            }
            // One that was damaged before it was taken in is given up; another may join.
            if (joining.Contains(member) && !(group.IsDamaged(member) && joining.Remove(member)))
            {
                continue;
            }
            if (group.PlaceOf(member) is { IsUp: true } node && node.PausedUntilUs <= world.Queue.NowUs)
            {
                retiring.Add(member);
                node.Retire(member.Value);
            }
        }
    }

    /// <summary>
    /// Whether a majority of the voters has applied the configuration. One that is left out may still be needed until then:
    /// who has not heard that the change is committed cannot be elected without it, and who has may be lost.
    /// </summary>
    private bool IsKnownToMajority(Configuration current)
    {
        var knowing = group
            .Running()
            .Count(replica => current.IsVoter(replica.Id) && replica.Core.Configuration.Index >= current.Index);
        return 2 * knowing > current.Voters.Length;
    }

    private void AddLearner(SimulatedReplica leader)
    {
        foreach (var member in joining)
        {
            CreateIfLost(member);
            Propose(leader, ConfigurationChange.AddLearner(member));
            return;
        }
    }

    /// <summary>A crash may have come before the node's log knew of the replica: the command is given again.</summary>
    private void CreateIfLost(MemberId member)
    {
        if (
            group.PlaceOf(member) is { IsUp: true } node
            && !node.Hosted.ContainsKey(member.Value)
            && !group.IsDamaged(member)
        )
        {
            node.Create(group.Describe((long)member.Value, node, []));
        }
    }

    private MemberId? TryJoin(SimulatedNode? node)
    {
        if (node is not { IsUp: true } || node.PausedUntilUs > world.Queue.NowUs || group.Placed.Count() >= ReplicasMax)
        {
            return null;
        }
        var identity = group.NewReplica(node);
        var member = new MemberId((ulong)identity.ReplicaId);
        world.Tally.Count(Happening.ReplicasAdded);
        joining.Add(member);
        node.Create(identity);
        return member;
    }

    /// <summary>A new replica takes the damaged one's place: as a learner first, then in one joint change.</summary>
    private void Replace(SimulatedReplica leader, Configuration configuration)
    {
        foreach (var member in configuration.Members)
        {
            if (!group.IsDamaged(member))
            {
                continue;
            }
            if (!configuration.IsVoter(member))
            {
                Propose(leader, ConfigurationChange.Remove(member));
            }
            else if (Learner(configuration) is { } successor)
            {
                Propose(leader, new([new(MemberChangeKind.Remove, member), new(MemberChangeKind.AddVoter, successor)]));
            }
            else if (joining.Count > 0)
            {
                AddLearner(leader);
            }
            else
            {
                TryJoin(FreeNode() ?? group.PlaceOf(member)!);
            }
            return;
        }
    }

    /// <summary>One that was given up as damaged before it was taken in, and was taken in all the same.</summary>
    private MemberId GivenUp(Configuration configuration)
    {
        foreach (var learner in configuration.Learners)
        {
            if (group.PlaceOf(learner) is null)
            {
                return learner;
            }
        }
        return MemberId.None;
    }

    private MemberId? Learner(Configuration configuration)
    {
        foreach (var learner in configuration.Learners)
        {
            if (!group.IsDamaged(learner))
            {
                return learner;
            }
        }
        return null;
    }

    private SimulatedNode? FreeNode()
    {
        var free = world
            .Nodes.Where(node =>
                node.IsUp && !node.HasRot && !group.Placed.Any(member => group.PlaceOf(member) == node)
            )
            .ToList();
        return free.Count > 0 ? world.Chance.Of(free) : null;
    }

    private void Change(SimulatedReplica leader, Configuration configuration)
    {
        var voters = configuration.Voters;
        var voter = voters[world.Chance.Below(voters.Length)];
        var learner = Learner(configuration);
        switch (world.Chance.Below(6))
        {
            case 0 or 1 when FreeNode() is { } node:
                TryJoin(node);
                break;
            case 2 when learner is { } promoted:
                Propose(leader, ConfigurationChange.AddVoter(promoted));
                break;
            case 3 when learner is { } swapped:
                Propose(leader, Swap(voter, swapped));
                break;
            case 4 when voters.Length > VotersMin:
                Propose(
                    leader,
                    world.Chance.OneIn(2) ? ConfigurationChange.Remove(voter) : ConfigurationChange.AddLearner(voter)
                );
                break;
            case 5 when learner is { } dropped:
                Propose(leader, ConfigurationChange.Remove(dropped));
                break;
        }
    }

    private ConfigurationChange Swap(MemberId voter, MemberId learner)
    {
        ImmutableArray<MemberChange> changes =
        [
            new(world.Chance.OneIn(2) ? MemberChangeKind.Remove : MemberChangeKind.AddLearner, voter),
            new(MemberChangeKind.AddVoter, learner),
        ];
        return new(
            changes,
            world.Chance.OneIn(3) ? ConfigurationTransition.JointExplicitLeave : ConfigurationTransition.Auto
        );
    }

    private static void Propose(SimulatedReplica leader, ConfigurationChange change) =>
        leader.Post(new ReplicaInput.ChangeMembers(change, LogIndex.Zero));
}
