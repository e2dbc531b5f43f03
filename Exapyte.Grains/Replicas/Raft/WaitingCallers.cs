using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>Who waits at a member, and what they are told where it does not lead. Used by one thread at a time.</summary>
internal sealed class WaitingCallers(RaftCore core, QuorumWatch quorum, ReplicaEffects effects)
{
    /// <summary>The writes.</summary>
    public ProposedWrites Writes { get; } = new(core, effects);

    /// <summary>The reads.</summary>
    public WaitingReads Reads { get; } = new(core, effects);

    /// <summary>How many wait.</summary>
    public int Count => Writes.Count + Reads.Count;

    /// <summary>Proposes the writes that were gathered, where this member leads.</summary>
    /// <param name="stampMs">The time that the log gives them, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    /// <param name="ownership">What the shard's state says it owns; null where it does not say so yet.</param>
    public void Propose(long stampMs, CommandRules rules, ShardOwnership? ownership)
    {
        if (core.Role == RaftRole.Leader)
        {
            Writes.Propose(stampMs, rules, ownership);
        }
        else
        {
            Writes.RefuseGathered(KindOfNoLeader, DetailOfNoLeader);
        }
    }

    /// <summary>
    /// Asks for a proof for the reads that were gathered: of this member where it leads, else, for those that may, of the
    /// leader that it knows.
    /// </summary>
    /// <param name="committed">What is committed and waits to be applied.</param>
    /// <param name="machine">The state.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public void Ask(CommittedEntries committed, ShardStateMachine machine, long nowMs)
    {
        if (core.Role != RaftRole.Leader)
        {
            var isLed = !core.Leader.IsNone && !quorum.IsOut(core);
            Reads.RefuseGathered(KindOfNoLeader, DetailOfNoLeader, read => read.NeedsLeader || !isLed);
        }
        else if (committed.IsHeldUp && committed.HoldsAllAcknowledged)
        {
            // The core would wait for what the store has no space for, and which nobody was told of.
            Reads.AnswerGathered(machine, nowMs);
        }
        if (Reads.HasGathered)
        {
            Reads.Ask();
        }
    }

    /// <summary>Who has waited beyond its deadline, or for a quorum that is not in reach, is answered.</summary>
    public void Expire(long nowMs)
    {
        Writes.Expire(nowMs);
        Reads.Expire(nowMs);
        if (quorum.IsOut(core))
        {
            Writes.OutOfQuorum();
        }
    }

    private OutcomeKind KindOfNoLeader => quorum.IsOut(core) ? OutcomeKind.NoQuorum : OutcomeKind.NotLeader;

    private string DetailOfNoLeader =>
        quorum.IsOut(core)
            ? "No leader and no majority of the shard's replicas is in reach; nothing changed. Try again later."
            : "This replica does not lead its shard.";
}
