using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas;

/// <summary>Ways past all keys of a common prefix (<see cref="KeyFolding"/>).</summary>
internal static class FoldedScans
{
    /// <summary>How the page's keys are folded.</summary>
    public static KeyFolding Folding(this ScanRequest request) => new(request.Delimiter, request.FoldFrom);

    /// <inheritdoc cref="Folding(ScanRequest)"/>
    public static KeyFolding Folding(this LocalScanRequest request) => new(request.Delimiter, request.FoldFrom);

    /// <summary>Moves behind all keys that begin with the prefix, in the scan's direction, as <see cref="IStoreScan.MoveNext"/> does.</summary>
    public static bool MoveBehind(this IStoreScan scan, ReadOnlySpan<byte> prefix, bool reverse) =>
        reverse ? scan.MoveTo(prefix) : KeyRange.Prefix(prefix).End is { } end && scan.MoveTo(end.Span);

    /// <summary>The part of a range behind all keys that begin with the prefix, in the direction of the listing; null: none.</summary>
    public static KeyRange? Behind(KeyRange range, ReadOnlyMemory<byte> prefix, bool reverse) =>
        reverse ? range.Within(new(default, prefix))
        : KeyRange.Prefix(prefix.Span).End is { } end ? range.Within(new(end, null))
        : null;
}
