using Exapyte.Keyspaces;

namespace Exapyte.Wire;

/// <summary>How a request to split a keyspace ended.</summary>
public enum SplitOutcome : byte
{
    /// <summary>Decided and stored: it happens as soon as a majority of the shard's replicas is alive.</summary>
    Accepted = 0,

    /// <summary>There is no such keyspace.</summary>
    NotFound = 1,

    /// <summary>Not in this keyspace, or not at this key; the reason is given.</summary>
    NotPossible = 2,

    /// <summary>The shard of the key is changing; try again.</summary>
    Changing = 3,

    /// <summary>The control-plane database was out of reach.</summary>
    Unavailable = 4,
}

/// <summary>The answer to a request to split a keyspace.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.split-reply")]
public sealed class SplitReply
{
    /// <summary>How it ended.</summary>
    [Id(0)]
    public required SplitOutcome Outcome { get; init; }

    /// <summary>Why, as a sentence for a person, where it was not accepted.</summary>
    [Id(1)]
    public string? Reason { get; init; }

    /// <summary>The map with the new shard, where it was accepted.</summary>
    [Id(2)]
    public KeyspaceMap? Map { get; init; }

    /// <summary>Where it is Unavailable: whether the split may happen yet.</summary>
    [Id(3)]
    public bool InDoubt { get; init; }
}
