using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Simulation.Clusters;
using Exapyte.Storage.Log;

namespace Exapyte.Simulation.Invariants;

/// <summary>Sees when a member has reached one of its bounds, and counts that.</summary>
internal sealed class LimitWatch(World world)
{
    private readonly Tally tally = world.Tally;

    /// <summary>The member has worked through its mailbox.</summary>
    public void Worked(RaftCore core)
    {
        var options = CoreDoor.MemberOf(core).Options;
        Count(CoreDoor.WaitingOf(CoreDoor.MemberOf(core).Reads) >= options.PendingReadsMax, Happening.PendingReadsFull);
        if (CoreDoor.LeaderOf(core) is not { } leader)
        {
            return;
        }
        Count(CoreDoor.WaitingOf(leader.Reads) >= options.PendingReadsMax, Happening.LeaderReadsFull);
        foreach (var progress in leader.Progress.All)
        {
            if (progress.State == ReplicationState.Replicate && progress.Next <= core.LastIndex)
            {
                var window = progress.Inflights;
                Count(window.Count >= options.InflightMessagesMax, Happening.InflightMessagesFull);
                Count(window.Bytes >= options.InflightBytesMax, Happening.InflightBytesFull);
            }
        }
    }

    /// <summary>An append leaves: it is cut short where the leader has more behind it.</summary>
    public void Sent(RaftMessage message, RaftCore core) =>
        Count(
            message is { Kind: RaftMessageKind.Append, Entries.Count: > 0 }
                && message.Entries[^1].Index < core.LastIndex,
            Happening.AppendsCutShort
        );

    /// <summary>An entry is being applied: what the core still keeps back has passed the budget.</summary>
    public void Applying(RaftCore core)
    {
        var log = CoreDoor.LogOf(core);
        Count(log.HasCommittedToHand, Happening.ApplyBudgetSpent);
        Count(CoreDoor.TailOf(log).First > log.Handed.Next, Happening.TailBytesSpent);
    }

    /// <summary>A tick or a wish of the leader's comes to a member that may not stand until it has applied.</summary>
    public void BeforeInput(RaftCore core, ReplicaInput input)
    {
        var mayBegin =
            input is ReplicaInput.Tick || Planted.Flaw.MessageOf(input) is { Kind: RaftMessageKind.TimeoutNow };
        var log = CoreDoor.LogOf(core);
        Count(
            mayBegin
                && core.Role == RaftRole.Follower
                && core.MayCampaign
                && core.Configuration.IsVoter(core.Id)
                && log.Configurations.HasCommitted(log.Committed),
            Happening.CandidaciesHeldBack
        );
    }

    /// <summary>A write goes to the log, and replaces what others still on their way there end with.</summary>
    public void Overtakes() => tally.Count(Happening.OvertakenWrites);

    /// <summary>The log's queue had no room.</summary>
    public void LogRefused(LogAppendStatus status) =>
        Count(status == LogAppendStatus.Overloaded, Happening.LogQueueFull);

    /// <summary>A write went to the log in more than one append.</summary>
    public void WriteWasSplit() => tally.Count(Happening.WriterAppendsSplit);

    private void Count(bool isHit, Happening happening) => tally[happening] += isHit ? 1 : 0;
}
