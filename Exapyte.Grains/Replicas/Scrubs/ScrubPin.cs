using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Scrubs;

/// <summary>
/// A shard's state as it was right after a scrub was applied, the same on every member that is whole. It holds old files
/// until it is disposed.
/// </summary>
internal sealed class ScrubPin(AppliedScrub scrub, LogIndex index, IStateScan rows) : IDisposable
{
    /// <summary>The scrub.</summary>
    public AppliedScrub Scrub => scrub;

    /// <summary>Its place in the log.</summary>
    public LogIndex Index => index;

    /// <summary>The rows.</summary>
    public IStateScan Rows => rows;

    /// <inheritdoc/>
    public void Dispose() => rows.Dispose();
}
