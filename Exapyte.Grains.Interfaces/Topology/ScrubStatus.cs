namespace Exapyte.Topology;

/// <summary>The last comparison of a replica's state with those of its peers.</summary>
[GenerateSerializer, Immutable, Alias("exapyte.scrub-status")]
public sealed record ScrubStatus
{
    /// <summary>The log index at which states were compared.</summary>
    [Id(0)]
    public required ulong Index { get; init; }

    /// <summary>When that was, by the leader's stamp, Unix milliseconds.</summary>
    [Id(1)]
    public required long AtMs { get; init; }

    /// <summary>
    /// running; agrees with a majority; damaged: it does not, or cannot be read, and is to be replaced; no-majority: the
    /// replicas differ and nobody can tell who is right; incomplete: too few answered; skipped.
    /// </summary>
    [Id(2)]
    public required string Outcome { get; init; }
}
