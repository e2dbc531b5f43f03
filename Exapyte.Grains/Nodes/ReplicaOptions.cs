using Exapyte.Grains.Replicas.Leaderless;

namespace Exapyte.Grains.Nodes;

/// <summary>How a node runs its replicas.</summary>
internal sealed record ReplicaOptions
{
    /// <summary>Length of one tick of the replicas' clock.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Ticks without a leader's message after which a member campaigns, at least; at most twice as many.</summary>
    public int ElectionTicks { get; init; } = 6;

    /// <summary>
    /// Ticks without a leader or quorum in reach after which operations are refused at once: two elections, at their longest.
    /// </summary>
    public int OutageTicks => 4 * ElectionTicks;

    /// <summary>Ticks between a leader's heartbeats.</summary>
    public int HeartbeatTicks { get; init; } = 1;

    /// <summary>Ticks between a node's beats to its peers; several must fit into the ticks of an election.</summary>
    public int BeatTicks { get; init; } = 2;

    /// <summary>Ticks at rest after which a group falls asleep.</summary>
    public int IdleTicksBeforeSleep { get; init; } = 15;

    /// <summary>Ticks between two looks whether the preferred leader should lead.</summary>
    public int LeaderCheckTicks { get; init; } = 20;

    /// <summary>Log entries kept behind what the store holds safely, for members that lag a little.</summary>
    public int LogEntriesKept { get; init; } = 4_096;

    /// <summary>Bytes of them, at most: an entry may hold a batch of a mebibyte.</summary>
    public long LogBytesKept { get; init; } = 4L << 20;

    /// <summary>Log entries that a leader keeps, at most, for a follower that still needs them.</summary>
    public ulong LogEntriesHeldMax { get; init; } = 1_000_000;

    /// <summary>Bytes of them, at most.</summary>
    public long LogBytesHeldMax { get; init; } = 1L << 30;

    /// <summary>Bytes from which on a part of a snapshot is sent.</summary>
    public int SnapshotPartBytes { get; init; } = 512 << 10;

    /// <summary>Time between two rounds of flushing the store and compacting the log.</summary>
    public TimeSpan CompactionInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Live bytes in the log from which on a round flushes the store.</summary>
    public long LogBytesBeforeFlush { get; init; } = 256L << 20;

    /// <summary>Time between two rounds of removing what has expired.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Most replicas swept in one round; the next round goes on with the others.</summary>
    public int SweepReplicasMax { get; init; } = 64;

    /// <summary>Most entries removed from one replica in one round.</summary>
    public int SweepEntriesMax { get; init; } = 1_000;

    /// <summary>Time between two scrubs of a raft group; zero: none.</summary>
    public TimeSpan ScrubInterval { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How long members are waited for in a scrub.</summary>
    public TimeSpan ScrubPatience { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Most bytes of state that scrubs read on a node in a second.</summary>
    public long ScrubBytesPerSecond { get; init; } = 32L << 20;

    /// <summary>How long a leaderless replica keeps what was deleted or has expired as a tombstone.</summary>
    public TimeSpan TombstoneGrace { get; init; } = TimeSpan.FromHours(24);

    /// <summary>How far stamps may be ahead of the wall clock, a peer's and this node's own, in milliseconds.</summary>
    public long ClockSkewMsMax { get; init; } = 500;

    /// <summary>Log entries that a leaderless replica keeps for peers that are away, at most.</summary>
    public ulong UnpushedEntriesMax { get; init; } = 1_000_000;

    /// <summary>Time between two comparisons of a leaderless shard's replicas; zero: they are never compared.</summary>
    public TimeSpan CompareInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long after a node has come back the replicas that it shares with others are compared.</summary>
    public TimeSpan CompareAfterReturn { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Entries stamped less long ago are not compared: they may still be on their way.</summary>
    public TimeSpan CompareAgeMin { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Shards that a node compares at one time as the one that leads the comparison.</summary>
    public int ComparisonsMax { get; init; } = 2;

    /// <summary>Replicas that a node reads from end to end, or fills from others, at one time.</summary>
    public int CompareScansMax { get; init; } = 2;

    /// <summary>Bytes a second that one such reading takes from the disk, at most.</summary>
    public long CompareBytesPerSecond { get; init; } = 32 << 20;

    /// <summary>First pause before a copy that could not go on is tried again; each further one is twice as long.</summary>
    public TimeSpan CopyRetryMin { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Longest pause.</summary>
    public TimeSpan CopyRetryMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Bytes of them, at most.</summary>
    public long UnpushedBytesMax { get; init; } = 1L << 30;

    /// <summary>Bytes that the replicas of memory keyspaces take together on the node, at most.</summary>
    public long MemoryBytesMax { get; init; } = DefaultMemoryBytesMax;

    /// <summary>A quarter of what the process may have: of the machine's memory, or of the limit that was set for it.</summary>
    public static long DefaultMemoryBytesMax { get; } =
        Math.Max(16L << 20, GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 4);

    /// <summary>Bounds of the pushes to one peer.</summary>
    public PushLimits Push { get; init; } = new();
}
