using Exapyte.Operations;
using Exapyte.Topology;

namespace Exapyte.Client.Caching;

/// <summary>An entry as a replica answered it. Immutable.</summary>
internal sealed record CachedEntry
{
    /// <summary>The answer.</summary>
    public required OperationOutcome Outcome { get; init; }

    /// <summary>Whether the answer has the value: a head has not.</summary>
    public required bool HasValue { get; init; }

    /// <summary>Who answered.</summary>
    public required ReplicaKey Replica { get; init; }

    /// <summary>What it said of itself.</summary>
    public required ServedBy Served { get; init; }

    /// <summary>A revision of the raft shard that its state had reached.</summary>
    public required ulong ReadAfter { get; init; }

    /// <summary>When it began to be read.</summary>
    public required CacheMoment Began { get; init; }

    /// <summary>Of which version. Those of a key only rise, also where a shard is split: its parts go on from its revision.</summary>
    public VersionStamp Version => Outcome.Version;

    /// <summary>
    /// Whether a session that has seen so much of the shard may see it. Raft: the state had come as far. Leaderless: the entry
    /// bears every stamp that was seen, or a later one.
    /// </summary>
    public bool Holds(SessionMark[]? seen, bool isLeaderless)
    {
        var through = isLeaderless ? Outcome.Version.Revision : Math.Max(ReadAfter, Outcome.Version.Revision);
        return seen is null || Array.TrueForAll(seen, mark => mark.Revision <= through);
    }
}

/// <summary>A moment by the machine's monotonic clock and its wall clock: a machine that was suspended may not have counted that.</summary>
internal readonly record struct CacheMoment(long SteadyMs, long ClockMs)
{
    /// <summary>Greatest possible age at a later moment, in milliseconds: by the clock that says more, rounded up.</summary>
    public long AgeMs(CacheMoment now) => 1 + Math.Max(0, Math.Max(now.SteadyMs - SteadyMs, now.ClockMs - ClockMs));
}
