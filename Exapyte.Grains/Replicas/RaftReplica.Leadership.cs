using Exapyte.Raft;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Who leads: the preferred leader of the map, so that leaders are spread as the control plane placed them; on a node that
/// drains, whoever is best able to take over. And sleep, see <see cref="Quiescence"/>.
/// </summary>
internal sealed partial class RaftReplica
{
    private static readonly TimeSpan HandoverTimeout = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan HandoverPoll = TimeSpan.FromMilliseconds(10);

    private readonly List<FollowerProgress> progress = [];
    private int ticksUntilCheck;
    private bool preferredWasReady;

    /// <inheritdoc/>
    public async ValueTask HandOver()
    {
        if (loop.Core.Role != RaftRole.Leader)
        {
            return;
        }
        Post(HandOverToBest);
        var began = node.Time.GetTimestamp();
        while (loop.Core.Role == RaftRole.Leader && node.Time.GetElapsedTime(began) < HandoverTimeout)
        {
            if (loop.Core.Configuration.Voters.Length <= 1)
            {
                return;
            }
            await Task.Delay(HandoverPoll, node.Time);
        }
    }

    /// <inheritdoc/>
    public void Tick()
    {
        TickScrub();
        if (!loop.IsAsleep)
        {
            mailbox.Post(ReplicaInput.Tick, inline: false);
        }
        else if (IsToBeCounted)
        {
            Post(ConsiderCounting);
        }
        else if (loop.IsHeldUp)
        {
            Post(static replica => replica.TryApplyAgain());
        }
        else if (
            node.Presence.IsAnySilent
            && LeaderNode() is { } leader
            && leader != node.NodeId
            && !node.Presence.IsPresent(leader)
        )
        {
            Post(static replica => replica.LeaderIsSilent());
        }
    }

    /// <inheritdoc/>
    public void LeadershipChanged()
    {
        ticksUntilMembership = 0;
        if (!loop.Core.Leader.IsNone && map is { } current)
        {
            node.News.Leaders.Tell(new(current.Name, Identity.ShardId, (long)loop.Core.Leader.Value));
        }
        LogLeadership(Identity.ReplicaId, loop.Core.Role, loop.Core.Term.Value, loop.Core.Leader.Value);
    }

    private string? LeaderNode() => peers.NodeOf(loop.Core.Leader);

    /// <inheritdoc/>
    public void Ticked()
    {
        RequireLog();
        ConsiderPreferredLeader(loop);
        ConsiderMembership(loop);
        ConsiderCounting(loop);
    }

    /// <summary>Every few seconds a leader that is not the preferred one looks whether that one is ready to lead.</summary>
    private void ConsiderPreferredLeader(ReplicaLoop replica)
    {
        if (--ticksUntilCheck > 0)
        {
            return;
        }
        ticksUntilCheck = node.Options.LeaderCheckTicks;
        var isReady =
            replica.Core.Role == RaftRole.Leader
            && replica.Core.TransferTarget.IsNone
            && PreferredLeader() is { } preferred
            && preferred != replica.Core.Id
            && IsCaughtUp(replica.Core, preferred);
        if (isReady && preferredWasReady)
        {
            replica.Core.TransferLeadership(PreferredLeader()!.Value);
        }
        preferredWasReady = isReady && !preferredWasReady;
    }

    private void HandOverToBest(ReplicaLoop replica)
    {
        if (replica.Core.Role != RaftRole.Leader)
        {
            return;
        }
        replica.Core.ReadProgress(progress);
        FollowerProgress? best = null;
        foreach (var follower in progress)
        {
            if (
                follower.Member != replica.Core.Id
                && replica.Core.Configuration.IsVoter(follower.Member)
                && peers.NodeOf(follower.Member) is { } peerNode
                && node.Peers.IsAlive(peerNode)
                && (best is null || follower.Match > best.Value.Match)
            )
            {
                best = follower;
            }
        }
        if (best is { } successor)
        {
            replica.Core.TransferLeadership(successor.Member);
        }
    }

    private bool IsCaughtUp(RaftCore core, MemberId member)
    {
        if (peers.NodeOf(member) is not { } peerNode || !node.Peers.IsAlive(peerNode))
        {
            return false;
        }
        core.ReadProgress(progress);
        foreach (var follower in progress)
        {
            if (follower.Member == member)
            {
                return follower.State == ReplicationState.Replicate && follower.Match >= core.CommitIndex;
            }
        }
        return false;
    }

    private MemberId? PreferredLeader()
    {
        if (map is not { } current)
        {
            return null;
        }
        foreach (var shard in current.Shards)
        {
            if (shard.ShardId == Identity.ShardId)
            {
                return shard.Replicas.Length > 0 ? new MemberId((ulong)shard.Replicas[0].ReplicaId) : null;
            }
        }
        return null;
    }

    /// <inheritdoc/>
    public void SendRest(RestNotice notice)
    {
        var payload = notice.Encode();
        foreach (var member in loop.Core.Configuration.Members)
        {
            if (member != loop.Core.Id && peers.NodeOf(member) is { } peerNode)
            {
                node.Peers.Send(
                    peerNode,
                    new()
                    {
                        ToReplicaId = (long)member.Value,
                        FromReplicaId = Identity.ReplicaId,
                        Kind = PeerMessageKind.Rest,
                        Payload = payload,
                    }
                );
            }
        }
    }
}
