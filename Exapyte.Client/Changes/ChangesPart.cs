using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>Which changes are watched.</summary>
public sealed record ChangesQuery
{
    /// <summary>Only keys that begin with this; empty: all.</summary>
    public ReadOnlyMemory<byte> Prefix { get; init; }

    /// <summary>Go on behind this place; null: from now.</summary>
    public ChangeToken? Since { get; init; }

    /// <summary>After so long without a change there is a part that only has a token; 10 ms to 1 hour.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(5);
}

/// <summary>A part of a keyspace's changes.</summary>
/// <param name="Kind">Ok; else why there is no more, and this is the last part.</param>
/// <param name="Detail">A sentence for a person where it is not Ok.</param>
/// <param name="Change">The change; null where there is only a token.</param>
/// <param name="Token">Where to go on; null only where nothing was begun.</param>
public readonly record struct ChangesPart(OutcomeKind Kind, string? Detail, ShardChange? Change, ChangeToken? Token)
{
    /// <summary>Whether it is <see cref="ChangesQuery.Since"/> that is not acceptable: it is of another keyspace.</summary>
    public bool RefusesToken { get; init; }

    internal static ChangesPart Failed(OperationOutcome why, ChangeToken? token) =>
        new(why.Kind, why.Detail, null, token);
}
