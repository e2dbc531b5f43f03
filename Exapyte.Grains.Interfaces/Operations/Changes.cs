using Exapyte.Keyspaces;

namespace Exapyte.Operations;

/// <summary>What a change did.</summary>
public enum ChangeKind : byte
{
    /// <summary>An entry was written.</summary>
    Put = 1,

    /// <summary>An entry was deleted.</summary>
    Delete = 2,

    /// <summary>An entry has ended.</summary>
    Expire = 3,
}

/// <summary>One change of a shard, as those who watch hear of it: without a value, which is the entry's.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.change")]
public sealed class ShardChange
{
    /// <summary>The shard's revision of the change: one more than that of the change before.</summary>
    [Id(0)]
    public required ulong Revision { get; init; }

    /// <summary>What it did.</summary>
    [Id(1)]
    public required ChangeKind Kind { get; init; }

    /// <summary>The key.</summary>
    [Id(2)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The version that the change gave the key; of a delete and an end the one that the key would have.</summary>
    [Id(3)]
    public required VersionStamp Version { get; init; }
}

/// <summary>Asks a replica for its shard's changes behind a revision, in their order.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.changes-request")]
public sealed class ChangesRequest
{
    /// <summary>The revision behind which they begin; null: none are asked for, only where the shard is now, proven.</summary>
    [Id(0)]
    public ulong? After { get; init; }

    /// <summary>Most changes to answer, at least 1.</summary>
    [Id(1)]
    public int ChangesMax { get; init; } = 1;

    /// <summary>How long to wait for the next change where there is none yet, in milliseconds; 0: not at all.</summary>
    [Id(2)]
    public int WaitMs { get; init; }

    /// <summary>The map epoch that routed it.</summary>
    [Id(3)]
    public required long MapEpoch { get; init; }

    /// <summary>Time left when it was sent, in milliseconds, the wait not counted.</summary>
    [Id(4)]
    public required int TimeoutMs { get; init; }

    /// <summary>The first key that the shard owns by that map, inclusive; empty: from the beginning.</summary>
    [Id(5)]
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>The key before which it ends, exclusive; null: it goes on to the end. A shard that owns less has been split.</summary>
    [Id(6)]
    public ReadOnlyMemory<byte>? End { get; init; }
}

/// <summary>The answer to a <see cref="ChangesRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.changes-reply")]
public sealed class ChangesReply : IShardReply
{
    /// <summary>
    /// <see cref="OutcomeKind.Ok"/>; <see cref="OutcomeKind.Compacted"/> where not all changes behind the revision are kept; else
    /// why there is no answer.
    /// </summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>The changes, without a gap.</summary>
    [Id(1)]
    public ShardChange[] Changes { get; init; } = [];

    /// <summary>All changes up to this revision have been answered: where to go on.</summary>
    [Id(2)]
    public ulong Through { get; init; }

    /// <summary>Changes behind this revision are kept.</summary>
    [Id(3)]
    public ulong KeptAfter { get; init; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    [Id(4)]
    public string? Detail { get; init; }

    /// <summary>For <see cref="OutcomeKind.NotLeader"/>: the leader's replica id, 0 where unknown.</summary>
    [Id(5)]
    public long LeaderReplicaId { get; init; }

    /// <summary>The current map, where the caller's epoch is older than the replica's; else null.</summary>
    [Id(6)]
    public KeyspaceMap? NewerMap { get; init; }
}
