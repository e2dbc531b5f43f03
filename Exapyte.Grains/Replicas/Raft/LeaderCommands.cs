using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What a leader puts into the log by itself, and the stamps of all that it puts there. Used by one thread at a time.</summary>
/// <param name="core">The consensus core.</param>
/// <param name="writes">The writes that wait: a command takes a place among them.</param>
/// <param name="effects">What is to be done.</param>
/// <param name="appliedStampMs">The greatest stamp applied so far, Unix milliseconds.</param>
internal sealed class LeaderCommands(RaftCore core, ProposedWrites writes, ReplicaEffects effects, long appliedStampMs)
{
    private long lastStampMs = appliedStampMs;
    private Proposed sweep;
    private Proposed indexStep;
    private Proposed split;

    /// <summary>
    /// The stamp of what is proposed now: the leader's time, and never less than one before, nor than somebody waits for.
    /// </summary>
    public long StampOf(ShardStateMachine machine, long nowMs) =>
        lastStampMs = Math.Max(Math.Max(lastStampMs, machine.StampMs), Math.Max(nowMs, writes.ClockMs));

    /// <summary>Proposes a sweep, a scrub, a split or a step of an index, where this member can.</summary>
    /// <param name="wanted">Which.</param>
    /// <param name="machine">The state.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    /// <param name="rules">What the keyspace's settings say.</param>
    public void Propose(ReplicaInput.LeaderCommand wanted, ShardStateMachine machine, long nowMs, in CommandRules rules)
    {
        if (core.Role != RaftRole.Leader || !core.TransferTarget.IsNone)
        {
            return;
        }
        switch (wanted)
        {
            case ReplicaInput.ProposeScrub scrub:
                Propose(ShardCommandCodec.EncodeScrub(StampOf(machine, nowMs), scrub.ScrubId));
                break;
            case ReplicaInput.Sweep found when !sweep.IsUnderWay(core.Term, machine.Applied):
                var command = ShardCommandCodec.EncodeSweep(
                    StampOf(machine, nowMs),
                    rules.ChangeRetentionMs,
                    found.Keys
                );
                sweep = Propose(command, sweep);
                break;
            case ReplicaInput.AdvanceIndexes when !indexStep.IsUnderWay(core.Term, machine.Applied):
                if (IndexWork.NextOf(machine.Indexes, rules, StampOf(machine, nowMs)) is { } step)
                {
                    indexStep = Propose(step, indexStep);
                }
                break;
            case ReplicaInput.ProposeSplit planned when !split.IsUnderWay(core.Term, machine.Applied):
                if (machine.Ownership is null && rules.Ownership is { } owned)
                {
                    Propose(ShardCommandCodec.EncodeOwnership(StampOf(machine, nowMs), owned));
                }
                split = Propose(ShardCommandCodec.EncodeSplit(StampOf(machine, nowMs), planned.Split), split);
                break;
        }
    }

    private Proposed Propose(ReadOnlyMemory<byte> command, Proposed before) =>
        new(Propose(command) ?? before.Index, core.Term);

    private LogIndex? Propose(ReadOnlyMemory<byte> command)
    {
        var result = core.Propose([command]);
        if (result.Outcome != ProposeOutcome.Accepted)
        {
            return null;
        }
        writes.Passed(result.FirstIndex);
        return result.FirstIndex;
    }

    /// <summary>Proposes a change of the configuration.</summary>
    public void ChangeMembers(ConfigurationChange change, LogIndex expected)
    {
        var before = core.Configuration;
        if (core.ProposeConfiguration(change, expected).Outcome == ProposeOutcome.Accepted)
        {
            effects.Others.Enqueue(new ReplicaEffect.MembersChanging(before, change));
        }
    }

    /// <summary>The last command of a kind: until it is applied, what made the leader propose it looks as it did before.</summary>
    private readonly record struct Proposed(LogIndex Index, Term Term)
    {
        public bool IsUnderWay(Term term, LogIndex applied) => Term == term && Index > applied;
    }
}
