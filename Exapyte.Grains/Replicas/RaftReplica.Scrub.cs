using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Raft;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// Scrubs: the leader has the group apply a command that changes nothing; every member reads its state as it was right
/// after that, in the background, and tells the leader its digest until it hears the verdict. Nothing of it ticks the
/// group or wakes it, but for the command itself.
/// </summary>
internal sealed partial class RaftReplica
{
    private static readonly TimeSpan ScrubResend = TimeSpan.FromSeconds(2);

    private readonly Lock scrubGate = new();
    private readonly ScrubSchedule scrubSchedule;
    private ScrubInProgress? scrub;
    private ScrubStatus? lastScrub;
    private long scrubbedSlot;

    /// <summary>A scrub that this member has applied. Used under the gate.</summary>
    private sealed class ScrubInProgress(ScrubRound round, AppliedScrub command, MemberId[] members, long began)
    {
        public ScrubRound Round => round;

        public AppliedScrub Command => command;

        public MemberId[] Members => members;

        public long Began => began;

        public long SentAt { get; set; }

        public bool IsOver { get; set; }

        public HashSet<MemberId> FoundDamaged { get; } = [];
    }

    /// <inheritdoc/>
    public void Scrub(ScrubPin pin)
    {
        Volatile.Write(ref scrubbedSlot, Math.Max(scrubbedSlot, scrubSchedule.SlotOf(pin.Scrub.StampMs)));
        if (damage is not null || NowMs - pin.Scrub.StampMs > node.Options.ScrubPatience.TotalMilliseconds)
        {
            // An old one, met again while the log is replayed: its comparison is long over.
            pin.Dispose();
            return;
        }
        var key = new ScrubKey(pin.Scrub.Id, pin.Index.Value);
        var configuration = loop.Core.Configuration;
        MemberId[] voters = [.. configuration.Voters.Union(configuration.OutgoingVoters)];
        var begun = new ScrubInProgress(
            new(key, voters),
            pin.Scrub,
            [.. voters.Union(configuration.Members)],
            node.Time.GetTimestamp()
        );
        lock (scrubGate)
        {
            scrub = begun;
            lastScrub = ScrubStatuses.Of(key, pin.Scrub.StampMs, ScrubOutcome.Running);
        }
        if (!node.Scrubber.TryAdd(pin, () => Volatile.Read(ref scrub) == begun, answer => ScrubRead(begun, answer)))
        {
            lock (scrubGate)
            {
                EndScrub(begun, ScrubOutcome.Skipped);
            }
        }
    }

    /// <summary>Looks after scrubs, with every tick of the node's clock, asleep or not.</summary>
    private void TickScrub()
    {
        if (
            scrubSchedule.IsOn
            && loop.Core.Role == RaftRole.Leader
            && damage is null
            && scrubSchedule.SlotOf(NowMs) > Volatile.Read(ref scrubbedSlot)
        )
        {
            Post(ProposeScrub);
        }
        if (Volatile.Read(ref scrub) is not { IsOver: false })
        {
            return;
        }
        lock (scrubGate)
        {
            if (scrub is { IsOver: false } current)
            {
                TickScrub(current);
            }
        }
    }

    private void TickScrub(ScrubInProgress current)
    {
        var isLate = node.Time.GetElapsedTime(current.Began) > node.Options.ScrubPatience;
        var own = current.Round.AnswerOf(loop.Core.Id);
        if (loop.Core.Role == RaftRole.Leader)
        {
            JudgeScrub(current, isLate);
        }
        else if (isLate)
        {
            EndScrub(current, ScrubOutcome.Incomplete);
        }
        else if (own is not null && IsDue(current.SentAt))
        {
            current.SentAt = node.Time.GetTimestamp();
            SendScrub(loop.Core.Leader, PeerMessageKind.ScrubAnswer, own.Encode());
        }
    }

    private bool IsDue(long sentAt) => sentAt == 0 || node.Time.GetElapsedTime(sentAt) >= ScrubResend;

    private void ProposeScrub(ReplicaLoop replica)
    {
        var nowMs = NowMs;
        if (
            scrubSchedule.SlotOf(nowMs) > scrubbedSlot
            && replica.Core.TransferTarget.IsNone
            && replica.ProposeScrub((ulong)Random.Shared.NextInt64(), nowMs)
        )
        {
            Volatile.Write(ref scrubbedSlot, scrubSchedule.SlotOf(nowMs));
        }
    }

    /// <summary>The state has been read, on the scrubber's thread.</summary>
    private void ScrubRead(ScrubInProgress begun, ScrubAnswer answer)
    {
        lock (scrubGate)
        {
            if (scrub != begun || begun.IsOver)
            {
                return;
            }
            begun.Round.Take(loop.Core.Id, answer);
            if (answer.Damage is null)
            {
                return;
            }
            if (loop.Core.Role != RaftRole.Leader)
            {
                SendScrub(loop.Core.Leader, PeerMessageKind.ScrubAnswer, answer.Encode());
            }
            EndScrub(begun, ScrubOutcome.Damaged);
        }
        Condemn(answer.Damage);
    }

    /// <summary>The leader: whoever is known to be damaged hears so at once, the others when all have answered.</summary>
    private void JudgeScrub(ScrubInProgress current, bool isLate)
    {
        var round = current.Round;
        var isOver = isLate || round.IsComplete;
        foreach (var member in current.Members)
        {
            if (round.OutcomeOf(member, isOver) == ScrubOutcome.Damaged && IsDue(current.SentAt))
            {
                if (current.FoundDamaged.Add(member))
                {
                    LogScrubFoundDamage(Identity.ReplicaId, (long)member.Value, round.Key.Index, round.Answers);
                }
                TellVerdict(round, member, ScrubOutcome.Damaged);
            }
        }
        current.SentAt = IsDue(current.SentAt) ? node.Time.GetTimestamp() : current.SentAt;
        if (!isOver)
        {
            return;
        }
        var own = round.OutcomeOf(loop.Core.Id, isOver);
        if (own == ScrubOutcome.NoMajority)
        {
            LogScrubUndecided(Identity.ReplicaId, Identity.ShardId, round.Key.Index, round.Answers);
        }
        EndScrub(current, own);
        foreach (var member in current.Members)
        {
            TellVerdict(round, member, round.OutcomeOf(member, isOver));
        }
    }

    private void TellVerdict(ScrubRound round, MemberId member, ScrubOutcome outcome)
    {
        if (member == loop.Core.Id)
        {
            if (outcome == ScrubOutcome.Damaged)
            {
                _ = Task.Run(() => Condemn(DiffersAt(round.Key)));
            }
            return;
        }
        SendScrub(member, PeerMessageKind.ScrubVerdict, new ScrubVerdict(round.Key, outcome).Encode());
    }

    private void HearScrub(MemberId from, ScrubAnswer answer)
    {
        lock (scrubGate)
        {
            if (scrub is not { } current || current.Round.Key != answer.Key || !current.Members.Contains(from))
            {
                return;
            }
            current.Round.Take(from, answer);
            if (current.IsOver && loop.Core.Role == RaftRole.Leader)
            {
                TellVerdict(current.Round, from, current.Round.OutcomeOf(from, isOver: true));
            }
        }
    }

    private void HearScrub(ScrubVerdict verdict)
    {
        lock (scrubGate)
        {
            if (scrub is not { IsOver: false } current || current.Round.Key != verdict.Key)
            {
                return;
            }
            EndScrub(current, verdict.Outcome);
        }
        if (verdict.Outcome == ScrubOutcome.Damaged)
        {
            Condemn(DiffersAt(verdict.Key));
        }
    }

    private void EndScrub(ScrubInProgress current, ScrubOutcome outcome)
    {
        current.IsOver = true;
        lastScrub = ScrubStatuses.Of(current.Round.Key, current.Command.StampMs, outcome);
        node.Meter.Scrubbed(outcome);
    }

    private void SendScrub(MemberId to, PeerMessageKind kind, byte[] payload)
    {
        if (peers.NodeOf(to) is { } peerNode)
        {
            node.Peers.Send(
                peerNode,
                new()
                {
                    ToReplicaId = (long)to.Value,
                    FromReplicaId = Identity.ReplicaId,
                    Kind = kind,
                    Payload = payload,
                }
            );
        }
    }

    private static string DiffersAt(ScrubKey key) =>
        $"A scrub at index {key.Index} found that the replica's state is not that of a majority of its group.";

    [LoggerMessage(
        LogLevel.Critical,
        "Leader {ReplicaId}: a scrub at index {Index} found replica {Damaged} damaged; the members answered {Answers}"
    )]
    private partial void LogScrubFoundDamage(long replicaId, long damaged, ulong index, string answers);

    [LoggerMessage(
        LogLevel.Critical,
        "Leader {ReplicaId}: a scrub of shard {ShardId} at index {Index} found states that differ, and no majority that agrees; nothing is changed: {Answers}"
    )]
    private partial void LogScrubUndecided(long replicaId, long shardId, ulong index, string answers);
}
