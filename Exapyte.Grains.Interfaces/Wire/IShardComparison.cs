using Exapyte.Operations;

namespace Exapyte.Wire;

/// <summary>
/// The side of a leaderless replica that other replicas compare themselves with and copy from; pinned to its node, its
/// key is a <see cref="Topology.ReplicaKey"/>.
/// </summary>
[Alias("exapyte.shard-comparison")]
public interface IShardComparison : IGrainWithStringKey
{
    /// <summary>
    /// The digest of everything that the replica holds. It is computed in the background: until it is complete the reply
    /// has no leaves, and the caller asks again with the same terms.
    /// </summary>
    [Alias("digest")]
    ValueTask<DigestReply> Digest(DigestRequest request);

    /// <summary>A page, in key order, of which versions the replica holds.</summary>
    [Alias("stamps")]
    ValueTask<StampsReply> Stamps(StampsRequest request);
}

/// <summary>Which entries two replicas compare, the same for both.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.comparison-terms")]
public readonly record struct ComparisonTerms
{
    /// <summary>Unix milliseconds: what has expired by then counts as gone, whether or not its value is still kept.</summary>
    [Id(0)]
    public required long AsOfMs { get; init; }

    /// <summary>
    /// Unix milliseconds: what was deleted or has expired by then is left out, for one replica may have swept it already.
    /// </summary>
    [Id(1)]
    public required long SweptMs { get; init; }

    /// <summary>The greatest revision that is compared: what is younger may still be on its way.</summary>
    [Id(2)]
    public required ulong RevisionMax { get; init; }

    /// <summary>
    /// Revisions from here on are compared all the same: they are no younger, a clock that was ahead gave them out. 0: none.
    /// </summary>
    [Id(3)]
    public ulong AheadMin { get; init; }
}

/// <summary>Asks for a digest.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.digest-request")]
public sealed class DigestRequest
{
    /// <summary>What to digest.</summary>
    [Id(0)]
    public required ComparisonTerms Terms { get; init; }
}

/// <summary>The answer to a <see cref="DigestRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.digest-reply")]
public sealed class DigestReply
{
    /// <summary>Ok, or why there is no digest: another one is under way, or the replica has not all it should have.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    [Id(1)]
    public string? Detail { get; init; }

    /// <summary>One number a leaf; empty while it is being computed.</summary>
    [Id(2)]
    public ulong[] Leaves { get; init; } = [];
}

/// <summary>Asks for a page of stamps.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.stamps-request")]
public sealed class StampsRequest
{
    /// <summary>By which terms entries count as gone; versions beyond them are listed all the same.</summary>
    [Id(0)]
    public required ComparisonTerms Terms { get; init; }

    /// <summary>The leaves whose keys are wanted, rising; null: all keys.</summary>
    [Id(1)]
    public ushort[]? Leaves { get; init; }

    /// <summary>The first key that may be in the page; empty: from the beginning.</summary>
    [Id(2)]
    public ReadOnlyMemory<byte> Start { get; init; }

    /// <summary>
    /// The map epoch by which the replica must serve, with every write ended that it began by an earlier one; 0: any. What
    /// it lists then has everything that it acknowledged without pushing it to the replicas which that map added.
    /// </summary>
    [Id(3)]
    public long SinceEpoch { get; init; }
}

/// <summary>The answer to a <see cref="StampsRequest"/>.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.stamps-reply")]
public sealed class StampsReply
{
    /// <summary>Ok, or why there is no page.</summary>
    [Id(0)]
    public required OutcomeKind Kind { get; init; }

    /// <summary>A sentence for a person where it is not Ok.</summary>
    [Id(1)]
    public string? Detail { get; init; }

    /// <summary>The stamps by key; there may be none and more to come.</summary>
    [Id(2)]
    public KeyStamp[] Stamps { get; init; } = [];

    /// <summary>Where the next page begins; null where this is the last one.</summary>
    [Id(3)]
    public ReadOnlyMemory<byte>? Next { get; init; }
}

/// <summary>Which version of a key a replica holds.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.key-stamp")]
public readonly record struct KeyStamp
{
    /// <summary>The key.</summary>
    [Id(0)]
    public required ReadOnlyMemory<byte> Key { get; init; }

    /// <summary>The version.</summary>
    [Id(1)]
    public required VersionStamp Version { get; init; }

    /// <summary>A hash of all that the entry is; of entries of one version it is the same everywhere, or one is damaged.</summary>
    [Id(2)]
    public required ulong Content { get; init; }

    /// <summary>Bytes of its value.</summary>
    [Id(3)]
    public required int ValueBytes { get; init; }

    /// <summary>Left out by the terms: it counts only against an older version of the key.</summary>
    [Id(4)]
    public bool IsLeftOut { get; init; }
}
