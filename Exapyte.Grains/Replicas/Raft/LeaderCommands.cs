using Exapyte.Grains.Replicas.Commands;
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

    /// <summary>The stamp of what is proposed now: the leader's time, and never less than one before.</summary>
    public long StampOf(ShardStateMachine machine, long nowMs) =>
        lastStampMs = Math.Max(Math.Max(lastStampMs, machine.StampMs), nowMs);

    /// <summary>Proposes that all members compare their states at one place of the log, where this member can.</summary>
    public void ProposeScrub(ulong scrubId, ShardStateMachine machine, long nowMs)
    {
        if (core.Role != RaftRole.Leader || !core.TransferTarget.IsNone)
        {
            return;
        }
        ReadOnlyMemory<byte> command = ShardCommandCodec.EncodeScrub(StampOf(machine, nowMs), scrubId);
        var result = core.Propose([command]);
        if (result.Outcome == ProposeOutcome.Accepted)
        {
            writes.Passed(result.FirstIndex);
        }
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
}
