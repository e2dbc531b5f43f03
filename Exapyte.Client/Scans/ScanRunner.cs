using Exapyte.Client.Retries;
using Exapyte.Client.Rules;
using Exapyte.Operations;

namespace Exapyte.Client.Scans;

/// <summary>
/// One page of a keyspace in key order. Where keys are spread over all shards by their hash, every shard is asked for a fair
/// part of the page at once, and the parts are merged; a shard whose part runs dry is asked again before the merge goes
/// on, for what it holds next may come first. The page is right whatever the parts were, sizes only save calls. The shards of a
/// range keyspace are asked one after the other, until the page is full.
/// </summary>
internal sealed class ScanRunner(
    MapResolver paths,
    ShardScanner shards,
    ListingPositions positions,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    public async ValueTask<ScanPage> RunAsync(string keyspace, ScanQuery query, CancellationToken cancellationToken)
    {
        var deadlineMs = clock.After(options.OperationTimeout);
        var path = await paths.FindAsync(keyspace, deadlineMs, cancellationToken);
        if (path.Map is not { } map)
        {
            return Refused(path.WhyNot!, 0);
        }
        if (ScanRules.ReasonsAgainst(map.Map, query) is { } reasons)
        {
            return Refused(OperationOutcome.Of(OutcomeKind.Invalid, reasons), map.Map.KeyspaceId);
        }
        return await new ScanRun(shards, positions, map, query, deadlineMs).RunAsync(cancellationToken);
    }

    private static ScanPage Refused(OperationOutcome why, long keyspaceId) =>
        new(why.Kind, [], More: false, keyspaceId, why.Detail, ServedBy.Nothing);
}
