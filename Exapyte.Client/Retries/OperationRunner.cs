using System.Runtime.CompilerServices;
using Exapyte.Client.Caching;
using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>What a caller asks of a call beside its operations.</summary>
/// <param name="DeadlineMs">When its time is up, in the clock's milliseconds.</param>
/// <param name="NamesWrites">See <see cref="CallOptions.NamesWrites"/>.</param>
/// <param name="Session">See <see cref="CallOptions.Session"/>.</param>
internal readonly record struct CallTerms(long DeadlineMs, bool NamesWrites, ClientSession? Session = null);

/// <summary>
/// The life of one operation: its keyspace's map is found, it is judged and named, and then tried until it is done
/// (<see cref="RetryLoop"/>).
/// </summary>
internal sealed class OperationRunner(
    MapResolver paths,
    RetryLoop loop,
    ExapyteClientOptions options,
    ClientMeter meter,
    RequestIds ids,
    EntryCaches? caches,
    CachedReads? cached
)
{
    private readonly long attemptMs = (long)options.AttemptTimeout.TotalMilliseconds;

    public ValueTask<OperationResult> RunAsync(
        string keyspace,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        var path = paths.FindAsync(keyspace, terms.DeadlineMs, cancellationToken);
        return path.IsCompletedSuccessfully
            ? Start(path.Result, operation, terms, cancellationToken)
            : StartLaterAsync(path, operation, terms, cancellationToken);
    }

    private async ValueTask<OperationResult> StartLaterAsync(
        ValueTask<MapLookup> path,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        var found = await path.ConfigureAwait(false);
        return await Start(found, operation, terms, cancellationToken).ConfigureAwait(false);
    }

    private ValueTask<OperationResult> Start(
        MapLookup path,
        Operation operation,
        CallTerms terms,
        CancellationToken cancellationToken
    )
    {
        if (path.Map is not { } map)
        {
            return new(Ended(path.WhyNot!));
        }
        if (OperationRules.ReasonsAgainst(map.Map.Settings, operation) is { } reasons)
        {
            return new(Ended(OperationOutcome.Of(OutcomeKind.Invalid, reasons)));
        }
        return map.Cache is not null && operation.CachedPolicyOf(map.Map.Settings.Replication) is { } policy
            ? cached!.RunAsync(
                map,
                operation,
                policy,
                terms,
                fill => RunWithRetriesAsync(map, operation, terms, fill, cancellationToken),
                cancellationToken
            )
            : RunWithRetriesAsync(map, operation, terms, fill: null, cancellationToken);
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<OperationResult> RunWithRetriesAsync(
        RoutedMap map,
        Operation asked,
        CallTerms terms,
        CacheFill? fill,
        CancellationToken cancellationToken
    )
    {
        var settings = map.Map.Settings;
        var operation = terms.NamesWrites ? ids.Name(settings, asked) : asked;
        var call = await loop.RunAsync<OperationCall, Attempt>(
                new(operation, settings, terms, attemptMs),
                map,
                cancellationToken
            )
            .ConfigureAwait(false);
        if (call.Elsewhere is { } path)
        {
            return await Start(path, asked, terms, cancellationToken).ConfigureAwait(false);
        }
        if (caches?.Find(map.Map.KeyspaceId) is { } cache)
        {
            TellCache(cache, settings.Replication, operation, fill, call);
        }
        meter.Ended(call.Result.Outcome.Kind);
        return call.Result;
    }

    private static void TellCache(
        EntryCache cache,
        ReplicationKind replication,
        Operation operation,
        CacheFill? fill,
        in OperationCall call
    )
    {
        if (operation.IsWrite)
        {
            cache.Wrote(operation, call.Result.Outcome, call.Reply);
        }
        else if (fill is not null)
        {
            fill.Take(operation, call);
        }
        else
        {
            cache.Read(operation, call.Result, replication);
        }
    }

    private OperationResult Ended(OperationOutcome outcome)
    {
        meter.Ended(outcome.Kind);
        return new(outcome, ServedBy.Nothing);
    }
}
