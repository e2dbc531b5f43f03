using Exapyte.Gateway.Control;
using Exapyte.Operations;
using Exapyte.Queries;

namespace Exapyte.Gateway.Problems;

/// <summary>One refusal, before it is written. Immutable.</summary>
/// <param name="Kind">What kind.</param>
/// <param name="Detail">What is wrong in this request and what to do about it.</param>
internal sealed record Problem(ProblemKind Kind, string Detail)
{
    /// <summary>Every reason, where there can be several; else null.</summary>
    public IReadOnlyList<string>? Reasons { get; init; }

    /// <summary>The entry's current version, where a condition failed on it.</summary>
    public VersionStamp Version { get; init; }

    /// <summary>Whether the request may have had an effect all the same.</summary>
    public bool InDoubt { get; init; }

    /// <summary>Whether sending the request again is safe and may help.</summary>
    public bool Retryable { get; init; } = Kind.Retryable;

    /// <summary>Position of the item of an atomic batch that decided it; else null.</summary>
    public int? Item { get; init; }

    /// <summary>The line of an import that it is about; else null.</summary>
    public long? Line { get; init; }

    /// <summary>What an import did before it; else null.</summary>
    public ImportDocument? Import { get; init; }

    /// <summary>What is wrong in an expression of a query, and where; else null.</summary>
    public QueryException? Expression { get; init; }

    /// <summary>The methods that are served, for 405.</summary>
    public string? Allow { get; init; }
}
