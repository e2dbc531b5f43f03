using Exapyte.Grains.Nodes;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>What starts a raft replica from its disk, and what lets its log go: decisions on what log and store hold.</summary>
internal static class ReplicaStart
{
    /// <summary>A core as a follower that may not campaign yet.</summary>
    /// <param name="identity">Who it is.</param>
    /// <param name="machine">The state, as the store recovered it.</param>
    /// <param name="log">The log, as it was recovered.</param>
    /// <param name="options">Ticks.</param>
    /// <param name="seed">The source of its chance, another one in every life of the replica.</param>
    public static RaftCore CreateCore(
        ReplicaIdentity identity,
        ShardStateMachine machine,
        GroupLog log,
        ReplicaOptions options,
        ulong seed
    ) => new(OptionsOf(identity, options, seed), Recover(identity, machine, log)) { MayCampaign = false };

    /// <summary>The core's settings.</summary>
    public static RaftOptions OptionsOf(ReplicaIdentity identity, ReplicaOptions options, ulong seed) =>
        new()
        {
            Id = new((ulong)identity.ReplicaId),
            Seed = seed,
            ElectionTicks = options.ElectionTicks,
            HeartbeatTicks = options.HeartbeatTicks,
        };

    /// <summary>What log and store hold, as a core starts from it.</summary>
    public static RaftRecovered Recover(ReplicaIdentity identity, ShardStateMachine machine, GroupLog log)
    {
        var state = log.State;
        var configuration =
            machine.ReadConfiguration()
            ?? Configuration.Of([.. identity.FirstMembers.Select(member => new MemberId((ulong)member))]);
        return new(
            new(new(state.Term), new(state.Vote), new(Math.Max(state.Commit, machine.Applied.Value))),
            configuration,
            machine.Applied,
            new RaftLogReader(log)
        );
    }

    /// <summary>
    /// Up to where the log may be compacted: behind what the store would still hold after a crash, less what is kept for
    /// members that lag a little. False where there is nothing to gain.
    /// </summary>
    public static bool TryFindCompaction(
        IShardStore store,
        GroupLog log,
        ulong entriesKept,
        out LogIndex through,
        out Term term
    )
    {
        through = default;
        term = default;
        var safe = Math.Min(store.ReadFlushedIndex(), store.AppliedIndex);
        if (safe <= log.FirstIndex + entriesKept || log.TermAt(safe - entriesKept) is not { } found)
        {
            return false;
        }
        through = new(safe - entriesKept);
        term = new(found);
        return true;
    }
}
