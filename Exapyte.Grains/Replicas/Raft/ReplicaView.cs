using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// A raft replica as other threads may see it: one moment, never changed, replaced as a whole. It is published after the
/// store has taken what it speaks of and before anybody is answered: who has been told of a revision finds it here.
/// </summary>
internal sealed record ReplicaView
{
    /// <summary>The member.</summary>
    public required MemberId Id { get; init; }

    /// <summary>What it does in its group.</summary>
    public required RaftRole Role { get; init; }

    /// <summary>The latest term it knows of.</summary>
    public required Term Term { get; init; }

    /// <summary>Who leads that term, as far as known.</summary>
    public required MemberId Leader { get; init; }

    /// <summary>To whom it is handing leadership; none where it is not.</summary>
    public required MemberId TransferTarget { get; init; }

    /// <summary>The configuration that it has applied.</summary>
    public required Configuration Configuration { get; init; }

    /// <summary>The last entry of its log.</summary>
    public required LogIndex LastIndex { get; init; }

    /// <summary>Up to here entries are known to be committed.</summary>
    public required LogIndex CommitIndex { get; init; }

    /// <summary>Up to here entries are in the store.</summary>
    public required LogIndex AppliedIndex { get; init; }

    /// <summary>Whether the control plane has confirmed that it still exists.</summary>
    public required bool MayCampaign { get; init; }

    /// <summary>The state. It goes on changing: it holds at least what this view says.</summary>
    public required IShardStore Store { get; init; }

    /// <summary>What the shard holds, where its keyspace has a quota. It goes on changing, as <see cref="Store"/>.</summary>
    public required ShardUsage Usage { get; init; }

    /// <summary>Where the state is in the node's store.</summary>
    public required ulong StorePrefix { get; init; }

    /// <summary>The shard's revision: how many changes it has had.</summary>
    public required ulong Revision { get; init; }

    /// <summary>Changes behind this revision are kept.</summary>
    public required ulong ChangesAfter { get; init; }

    /// <summary>The greatest stamp applied, Unix milliseconds.</summary>
    public required long StampMs { get; init; }

    /// <summary>Which keys are the shard's; null where its state does not say so yet.</summary>
    public required ShardOwnership? Ownership { get; init; }

    /// <summary>The shard's indexes.</summary>
    public required IndexCatalog Indexes { get; init; }

    /// <summary>Whether it leads a shard whose indexes are not yet what they are to be.</summary>
    public bool HasIndexWork { get; init; }

    /// <summary>Whether the group sleeps: no ticks are needed.</summary>
    public bool IsAsleep { get; init; }

    /// <summary>Whether no leader has been in reach for the length of two elections.</summary>
    public bool IsOutOfQuorum { get; init; }

    /// <summary>Whether the store has no space for what is committed.</summary>
    public bool IsHeldUp { get; init; }

    /// <summary>Whether the log has no space for what is to be written.</summary>
    public bool IsStuck { get; init; }

    /// <summary>Whether it leads a shard whose entries are to be counted and are not.</summary>
    public bool IsToBeCounted { get; init; }

    /// <summary>Whether it serves.</summary>
    public ReplicaHealth Health { get; init; } = ReplicaHealth.Well;

    /// <summary>Whether the group has taken the replica in as a voter; before that its state may lack almost everything.</summary>
    public bool IsVoter => Configuration.IsVoter(Id);

    /// <summary>Whether what lies from this key on is not the shard's any more.</summary>
    public bool HasPassed(ReadOnlySpan<byte> splitKey) => Ownership is { } owned && !owned.Keys.Contains(splitKey);

    /// <summary>What the consensus core and the state machine show.</summary>
    public static ReplicaView Of(RaftCore core, ShardStateMachine machine, ulong storePrefix, in CommandRules rules) =>
        new()
        {
            Id = core.Id,
            Role = core.Role,
            Term = core.Term,
            Leader = core.Leader,
            TransferTarget = core.TransferTarget,
            Configuration = core.Configuration,
            LastIndex = core.LastIndex,
            CommitIndex = core.CommitIndex,
            AppliedIndex = machine.Applied,
            MayCampaign = core.MayCampaign,
            Store = machine.Store,
            Usage = machine.Usage,
            StorePrefix = storePrefix,
            Revision = machine.Revision,
            ChangesAfter = machine.State.ChangesAfter,
            StampMs = machine.StampMs,
            Ownership = machine.Ownership,
            Indexes = machine.Indexes,
            HasIndexWork = core.Role == RaftRole.Leader && IndexWork.IsLeft(machine.Indexes, rules),
        };

    /// <summary>The input that a tick of the node's clock is for the replica; null where it needs none.</summary>
    /// <param name="wire">Knows whether the leader's node is silent.</param>
    public ReplicaInput? InputOfTick(IReplicaWire wire) =>
        !IsAsleep ? ReplicaInput.Tick.One
        : IsToBeCounted || HasIndexWork ? ReplicaInput.StayAwake.Now
        : IsHeldUp ? ReplicaInput.ApplyAgain.Now
        : !Leader.IsNone && wire.IsSilent(Leader) ? ReplicaInput.LeaderSilent.Now
        : null;
}
