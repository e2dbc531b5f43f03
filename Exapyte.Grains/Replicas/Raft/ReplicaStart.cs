using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Raft;
using Exapyte.Storage.Log;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>What starts a raft replica from its disk.</summary>
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
            // A log that begins behind a snapshot, or a split, has no vote of its term yet.
            state.Term < log.CompactedTerm
                ? new(new(log.CompactedTerm), MemberId.None, machine.Applied)
                : new(new(state.Term), new(state.Vote), new(Math.Max(state.Commit, machine.Applied.Value))),
            configuration,
            machine.Applied,
            new RaftLogReader(log)
        );
    }
}
