namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>Bounds of a <see cref="PushLane"/>.</summary>
internal sealed record PushLimits
{
    /// <summary>Bytes of writes that wait, over all shards and peers of the node, that are kept in memory.</summary>
    public long NodeBytesMax { get; init; } = 64 << 20;

    /// <summary>Calls without an answer in a row after which a batch is pushed write by write.</summary>
    public int FailuresBeforeSplit { get; init; } = 8;

    /// <summary>First pause after a push that did not arrive.</summary>
    public TimeSpan RetryPauseMin { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>Longest pause.</summary>
    public TimeSpan RetryPauseMax { get; init; } = TimeSpan.FromSeconds(1);
}
