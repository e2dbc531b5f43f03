namespace Exapyte.Topology;

/// <summary>How a replica stands, for people and for the control plane.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.replica-status")]
public sealed record ReplicaStatus
{
    /// <summary>The replica.</summary>
    [Id(0)]
    public required long ReplicaId { get; init; }

    /// <summary>Its node.</summary>
    [Id(1)]
    public required string Node { get; init; }

    /// <summary>
    /// leader, follower, candidate, learner; replica, joining, leaving in leaderless keyspaces; stopped by a problem; quarantined where its
    /// log cannot be read; absent where it is not hosted.
    /// </summary>
    [Id(2)]
    public required string Role { get; init; }

    /// <summary>Raft term, else 0.</summary>
    [Id(3)]
    public ulong Term { get; init; }

    /// <summary>Replica id of the leader it knows, else 0.</summary>
    [Id(4)]
    public long LeaderReplicaId { get; init; }

    /// <summary>Last index in its log.</summary>
    [Id(5)]
    public ulong LastIndex { get; init; }

    /// <summary>Committed index.</summary>
    [Id(6)]
    public ulong CommitIndex { get; init; }

    /// <summary>Applied index.</summary>
    [Id(7)]
    public ulong AppliedIndex { get; init; }

    /// <summary>The shard's revision.</summary>
    [Id(8)]
    public ulong Revision { get; init; }

    /// <summary>Entries, approximately.</summary>
    [Id(9)]
    public long Entries { get; init; }

    /// <summary>About how many bytes its entries take where they are stored.</summary>
    [Id(40)]
    public long Bytes { get; init; }

    /// <summary>Leaderless: writes that wait to be pushed to other replicas.</summary>
    [Id(10)]
    public long PendingPushes { get; init; }

    /// <summary>Why it does not serve, empty where it does.</summary>
    [Id(11)]
    public string Problem { get; init; } = "";

    /// <summary>The epoch of the map that it serves by; 0 where it has none yet.</summary>
    [Id(12)]
    public long MapEpoch { get; init; }

    /// <summary>Raft: replica ids whose votes count in the configuration it has applied, in either half of a joint one.</summary>
    [Id(13)]
    public long[] Voters { get; init; } = [];

    /// <summary>Raft: replica ids that receive the log without a vote, or will once a joint configuration is left.</summary>
    [Id(14)]
    public long[] Learners { get; init; } = [];

    /// <summary>
    /// Leaderless, while it is joining: it holds a full copy of every other replica, made after each of them began to push
    /// to it, and all of them serve by the map of <see cref="MapEpoch"/>.
    /// </summary>
    [Id(15)]
    public bool CaughtUp { get; init; }

    /// <summary>Memory keyspaces: entries that were let go for want of space since the replica was started.</summary>
    [Id(21)]
    public long EvictedEntries { get; init; }

    /// <summary>Memory keyspaces: the bytes that these had taken.</summary>
    [Id(22)]
    public long EvictedBytes { get; init; }

    /// <summary>
    /// Leaderless: every write that it began or took by an earlier map than that of <see cref="MapEpoch"/> has ended.
    /// </summary>
    [Id(30)]
    public bool EarlierHaveEnded { get; init; }

    /// <summary>Raft: the last scrub; null where there was none since the replica was started.</summary>
    [Id(20)]
    public ScrubStatus? Scrub { get; init; }

    /// <summary>Raft: how the shard's indexes stand.</summary>
    [Id(50)]
    public IndexStatus[] Indexes { get; init; } = [];
}

/// <summary>How an index of a shard stands. Immutable.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.index-status")]
public sealed record IndexStatus
{
    /// <summary>Its name.</summary>
    [Id(0)]
    public required string Name { get; init; }

    /// <summary>Whether it is used.</summary>
    [Id(1)]
    public required IndexState State { get; init; }

    /// <summary>What it is over.</summary>
    [Id(2)]
    public required string[] Paths { get; init; }

    /// <summary>Entries that were looked at while it was built.</summary>
    [Id(3)]
    public long Done { get; init; }
}

/// <summary>What becomes of an index.</summary>
public enum IndexState : byte
{
    /// <summary>Writes keep it; entries from before are taken in step by step.</summary>
    Building = 0,

    /// <summary>It names every entry that it should: queries use it.</summary>
    Ready = 1,

    /// <summary>Nobody uses it; its rows are removed step by step.</summary>
    Dropping = 2,
}
