using Exapyte.Client.Caching;
using Exapyte.Client.Lanes;
using Exapyte.Client.Routing;
using Exapyte.Client.Rules;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>
/// Splits a caller's batch by shard and joins the outcomes in the caller's order. The groups run side by side; what is too
/// large for one call goes in several, one after the other, so that the order within a shard holds.
/// </summary>
internal sealed class BatchRunner(
    MapResolver paths,
    RetryLoop loop,
    ExapyteClientOptions options,
    ClientMeter meter,
    RequestIds ids,
    EntryCaches? caches
)
{
    private static readonly OperationOutcome NotOneShard = OperationOutcome.Of(
        OutcomeKind.Invalid,
        "The atomic batch no longer lies in one shard; nothing changed."
    );

    public async ValueTask<OperationResult[]> RunAsync(
        string keyspace,
        BatchCall call,
        CancellationToken cancellationToken
    )
    {
        if (call.Results.Length == 0)
        {
            return call.Results;
        }
        if (ReasonAgainstSize(call.Operations) is { } size)
        {
            return All(call.Results, OperationOutcome.Of(OutcomeKind.Invalid, size));
        }
        var path = await paths.FindAsync(keyspace, call.DeadlineMs, cancellationToken).ConfigureAwait(false);
        if (path.Map is not { } map)
        {
            return All(call.Results, path.WhyNot!);
        }
        if (call.NamesWrites)
        {
            call = call with { Operations = ids.Name(map.Map.Settings, call.Operations, call.Atomic) };
        }
        var valid = Judge(map, call);
        if (call.Atomic && ReasonAgainstAtomic(map, call, valid) is { } reason)
        {
            return All(call.Results, reason);
        }
        await RunGroupsAsync(map, call, valid, cancellationToken).ConfigureAwait(false);
        var cache = caches?.Find(map.Map.KeyspaceId);
        for (var at = 0; at < call.Results.Length; at++)
        {
            meter.Ended(call.Results[at].Outcome.Kind);
            if (cache is not null && call.Operations[at].IsWrite)
            {
                cache.Wrote(call.Operations[at], call.Results[at].Outcome, call.Replies[at]);
            }
        }
        return call.Results;
    }

    private Task RunGroupsAsync(
        RoutedMap map,
        BatchCall call,
        List<int> positions,
        CancellationToken cancellationToken
    ) =>
        Task.WhenAll(
            positions
                .GroupBy(at => map.Map.ShardIndexOf(call.Operations[at].Key.Span))
                .Select(group => RunGroupAsync(map, call, [.. group], cancellationToken))
        );

    private async Task RunGroupAsync(
        RoutedMap map,
        BatchCall call,
        List<int> positions,
        CancellationToken cancellationToken
    )
    {
        foreach (var chunk in call.Atomic ? [positions] : Chunks(call.Operations, positions))
        {
            var group = new GroupRun(call, chunk, map.Map.Settings.Replication, loop, options);
            if (await group.RunAsync(map, cancellationToken).ConfigureAwait(false) is not { } newer)
            {
                continue;
            }
            if (call.Atomic)
            {
                group.EndAll(NotOneShard);
                continue;
            }
            await RunGroupsAsync(newer, call, group.Pending, cancellationToken).ConfigureAwait(false);
        }
    }

    private IEnumerable<List<int>> Chunks(IReadOnlyList<Operation> operations, List<int> positions)
    {
        List<int> chunk = [];
        var bytes = 0;
        foreach (var at in positions)
        {
            var next = PendingOperation.BytesOf(operations[at]);
            if (
                chunk.Count > 0
                && (chunk.Count >= options.BatchOperationsMax || bytes + next > Limits.WireBatchBytesMax)
            )
            {
                yield return chunk;
                chunk = [];
                bytes = 0;
            }
            chunk.Add(at);
            bytes += next;
        }
        yield return chunk;
    }

    /// <summary>The positions of the acceptable operations; the others get their outcome.</summary>
    private static List<int> Judge(RoutedMap map, BatchCall call)
    {
        List<int> valid = new(call.Results.Length);
        for (var at = 0; at < call.Results.Length; at++)
        {
            if (OperationRules.ReasonsAgainst(map.Map.Settings, call.Operations[at]) is { } reasons)
            {
                call.Results[at] = new(OperationOutcome.Of(OutcomeKind.Invalid, reasons), ServedBy.Nothing);
            }
            else
            {
                valid.Add(at);
            }
        }
        return valid;
    }

    private static OperationOutcome? ReasonAgainstAtomic(RoutedMap map, BatchCall call, List<int> valid)
    {
        if (valid.Count == call.Results.Length)
        {
            return OperationRules.ReasonsAgainstAtomic(map.Map, call.Operations) is { } reason
                ? OperationOutcome.Of(OutcomeKind.Invalid, reason)
                : null;
        }
        var at = Array.FindIndex(call.Results, result => result.Outcome is not null);
        return new()
        {
            Kind = OutcomeKind.Invalid,
            Detail = $"Item {at} of the atomic batch is not acceptable: {call.Results[at].Outcome.Detail}",
            DecidedBy = at,
        };
    }

    private static string? ReasonAgainstSize(IReadOnlyList<Operation> operations)
    {
        if (operations.Count > Limits.BatchItemsMax)
        {
            return $"A batch holds at most {Limits.BatchItemsMax} items, not {operations.Count}.";
        }
        long bytes = 0;
        foreach (var operation in operations)
        {
            bytes += operation.Key.Length + operation.Value.Length;
        }
        return bytes > Limits.BatchBytesMax
            ? $"A batch holds at most {Limits.BatchBytesMax} bytes of keys and values, not {bytes}."
            : null;
    }

    private OperationResult[] All(OperationResult[] results, OperationOutcome outcome)
    {
        Array.Fill(results, new OperationResult(outcome, ServedBy.Nothing));
        meter.Ended(outcome.Kind, results.Length);
        return results;
    }
}
