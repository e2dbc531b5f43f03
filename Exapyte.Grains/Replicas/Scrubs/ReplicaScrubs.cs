using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Raft;
using Exapyte.Topology;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>
/// The scrubs of a replica: the leader has the group apply a command that changes nothing; every member reads its state as it
/// was right after that, in the background, and tells the leader its digest until it hears the verdict. Nothing of it ticks
/// the group or wakes it, but for the command itself. It has a lock of its own. Thread-safe.
/// </summary>
internal sealed partial class ReplicaScrubs(
    NodeServices node,
    ReplicaIdentity identity,
    IReplicaWire wire,
    Func<ReplicaView> look,
    Action<ReplicaInput> post,
    ILogger logger
)
{
    private static readonly TimeSpan Resend = TimeSpan.FromSeconds(2);

    private readonly Lock gate = new();
    private readonly ScrubSchedule schedule = new(node.Options.ScrubInterval, identity.ShardId);
    private long scrubbedSlot = new ScrubSchedule(node.Options.ScrubInterval, identity.ShardId).SlotOf(
        node.Clocks.NowMs
    );
    private long proposedAt;
    private ScrubInProgress? scrub;
    private ScrubStatus? last;

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

    /// <summary>How the last one stands; null where there was none.</summary>
    public ScrubStatus? Last
    {
        get
        {
            lock (gate)
            {
                return last;
            }
        }
    }

    /// <summary>A scrub was applied: the pin is its state, and this one's to dispose.</summary>
    public void Begin(ScrubPin pin)
    {
        var view = look();
        var key = new ScrubKey(pin.Scrub.Id, pin.Index.Value);
        ScrubInProgress begun;
        lock (gate)
        {
            scrubbedSlot = Math.Max(scrubbedSlot, schedule.SlotOf(pin.Scrub.StampMs));
            if (
                view.Health.IsDamaged
                || node.Clocks.NowMs - pin.Scrub.StampMs > node.Options.ScrubPatience.TotalMilliseconds
            )
            {
                // An old one, met again while the log is replayed: its comparison is long over.
                pin.Dispose();
                return;
            }
            MemberId[] voters = [.. view.Configuration.Voters.Union(view.Configuration.OutgoingVoters)];
            scrub = begun = new(
                new(key, voters),
                pin.Scrub,
                [.. voters.Union(view.Configuration.Members)],
                node.Time.GetTimestamp()
            );
            last = ScrubStatuses.Of(key, pin.Scrub.StampMs, ScrubOutcome.Running);
        }
        if (!node.Scrubber.TryAdd(pin, () => Volatile.Read(ref scrub) == begun, answer => Read(begun, answer)))
        {
            lock (gate)
            {
                End(begun, ScrubOutcome.Skipped);
            }
        }
    }

    /// <summary>A tick of the node's clock has passed, whether the group sleeps or not.</summary>
    public void Tick()
    {
        var view = look();
        if (
            schedule.IsOn
            && view.Role == RaftRole.Leader
            && !view.Health.IsDamaged
            && schedule.SlotOf(node.Clocks.NowMs) > Volatile.Read(ref scrubbedSlot)
            && IsDue(proposedAt)
        )
        {
            proposedAt = node.Time.GetTimestamp();
            post(new ReplicaInput.ProposeScrub((ulong)Random.Shared.NextInt64()));
        }
        if (Volatile.Read(ref scrub) is not { IsOver: false })
        {
            return;
        }
        lock (gate)
        {
            if (scrub is { IsOver: false } current)
            {
                Tick(current, view);
            }
        }
    }

    /// <summary>A member tells its digest.</summary>
    public void Hear(MemberId from, ScrubAnswer answer)
    {
        lock (gate)
        {
            if (scrub is not { } current || current.Round.Key != answer.Key || !current.Members.Contains(from))
            {
                return;
            }
            current.Round.Take(from, answer);
            if (current.IsOver && look().Role == RaftRole.Leader)
            {
                TellVerdict(current.Round, from, current.Round.OutcomeOf(from, isOver: true));
            }
        }
    }

    /// <summary>The leader tells what it found.</summary>
    public void Hear(ScrubVerdict verdict)
    {
        lock (gate)
        {
            if (scrub is not { IsOver: false } current || current.Round.Key != verdict.Key)
            {
                return;
            }
            End(current, verdict.Outcome);
        }
        if (verdict.Outcome == ScrubOutcome.Damaged)
        {
            post(new ReplicaInput.DamageFound(DiffersAt(verdict.Key)));
        }
    }

    /// <summary>Nobody wants to know any more.</summary>
    public void Stop()
    {
        lock (gate)
        {
            scrub = null;
        }
    }

    private void Tick(ScrubInProgress current, ReplicaView view)
    {
        var isLate = node.Time.GetElapsedTime(current.Began) > node.Options.ScrubPatience;
        var own = current.Round.AnswerOf(view.Id);
        if (view.Role == RaftRole.Leader)
        {
            Judge(current, view, isLate);
        }
        else if (isLate)
        {
            End(current, ScrubOutcome.Incomplete);
        }
        else if (own is not null && IsDue(current.SentAt))
        {
            current.SentAt = node.Time.GetTimestamp();
            wire.Send(view.Leader, PeerMessageKind.ScrubAnswer, own.Encode());
        }
    }

    private bool IsDue(long sentAt) => sentAt == 0 || node.Time.GetElapsedTime(sentAt) >= Resend;

    /// <summary>The state has been read, on the scrubber's thread.</summary>
    private void Read(ScrubInProgress begun, ScrubAnswer answer)
    {
        lock (gate)
        {
            if (scrub != begun || begun.IsOver)
            {
                return;
            }
            var view = look();
            begun.Round.Take(view.Id, answer);
            if (answer.Damage is null)
            {
                return;
            }
            if (view.Role != RaftRole.Leader)
            {
                wire.Send(view.Leader, PeerMessageKind.ScrubAnswer, answer.Encode());
            }
            End(begun, ScrubOutcome.Damaged);
        }
        post(new ReplicaInput.DamageFound(answer.Damage));
    }

    /// <summary>The leader: whoever is known to be damaged hears so at once, the others when all have answered.</summary>
    private void Judge(ScrubInProgress current, ReplicaView view, bool isLate)
    {
        var round = current.Round;
        var isOver = isLate || round.IsComplete;
        foreach (var member in current.Members)
        {
            if (round.OutcomeOf(member, isOver) == ScrubOutcome.Damaged && IsDue(current.SentAt))
            {
                if (current.FoundDamaged.Add(member))
                {
                    LogFoundDamage(identity.ReplicaId, (long)member.Value, round.Key.Index, round.Answers);
                }
                TellVerdict(round, member, ScrubOutcome.Damaged);
            }
        }
        current.SentAt = IsDue(current.SentAt) ? node.Time.GetTimestamp() : current.SentAt;
        if (!isOver)
        {
            return;
        }
        var own = round.OutcomeOf(view.Id, isOver);
        if (own == ScrubOutcome.NoMajority)
        {
            LogUndecided(identity.ReplicaId, identity.ShardId, round.Key.Index, round.Answers);
        }
        End(current, own);
        foreach (var member in current.Members)
        {
            TellVerdict(round, member, round.OutcomeOf(member, isOver));
        }
    }

    private void TellVerdict(ScrubRound round, MemberId member, ScrubOutcome outcome)
    {
        if (member != look().Id)
        {
            wire.Send(member, PeerMessageKind.ScrubVerdict, new ScrubVerdict(round.Key, outcome).Encode());
        }
        else if (outcome == ScrubOutcome.Damaged)
        {
            post(new ReplicaInput.DamageFound(DiffersAt(round.Key)));
        }
    }

    private void End(ScrubInProgress current, ScrubOutcome outcome)
    {
        current.IsOver = true;
        last = ScrubStatuses.Of(current.Round.Key, current.Command.StampMs, outcome);
        node.Meter.Scrubbed(outcome);
    }

    private static string DiffersAt(ScrubKey key) =>
        $"A scrub at index {key.Index} found that the replica's state is not that of a majority of its group.";

    [LoggerMessage(
        LogLevel.Critical,
        "Leader {ReplicaId}: a scrub at index {Index} found replica {Damaged} damaged; the members answered {Answers}"
    )]
    private partial void LogFoundDamage(long replicaId, long damaged, ulong index, string answers);

    [LoggerMessage(
        LogLevel.Critical,
        "Leader {ReplicaId}: a scrub of shard {ShardId} at index {Index} found states that differ, and no majority that agrees; nothing is changed: {Answers}"
    )]
    private partial void LogUndecided(long replicaId, long shardId, ulong index, string answers);
}
