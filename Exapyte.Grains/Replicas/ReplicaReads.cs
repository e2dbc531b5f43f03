using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>Reads of a replica's store as callers see them: tombstones and what has expired are hidden.</summary>
internal static class ReplicaReads
{
    /// <summary>One get or head.</summary>
    public static OperationOutcome Read(IShardStore store, Operation operation, long nowMs) =>
        store.TryGet(operation.Key.Span, out var entry) && entry.IsLive(nowMs)
            ? OutcomeOf(entry, operation.Kind == OperationKind.Get)
            : OperationOutcome.NotFound;

    /// <summary>An entry as a get answers it, or, without its value, as a head does.</summary>
    public static OperationOutcome OutcomeOf(in StoredEntry entry, bool withValue) =>
        new()
        {
            Kind = OutcomeKind.Ok,
            Version = new(entry.Version.Revision, entry.Version.Origin),
            Value = withValue ? entry.Value : default,
            ValueBytes = entry.Value.Length,
            ContentType = entry.ContentType,
            ModifiedMs = entry.ModifiedMs,
            ExpiresMs = entry.ExpiresMs,
        };

    /// <summary>One page in key order.</summary>
    public static ScanReply Scan(IShardStore store, ScanRequest request, long nowMs)
    {
        List<ListedEntry> entries = [];
        long bytes = 0;
        var more = false;
        using var scan = store.Scan(new(request.Start, request.End), request.Reverse);
        while (scan.MoveNext())
        {
            var entry = request.KeysOnly ? scan.CurrentHeader : scan.Current;
            if (!entry.IsLive(nowMs))
            {
                continue;
            }
            if (entries.Count == request.EntriesMax || bytes >= request.BytesMax)
            {
                more = true;
                break;
            }
            var key = scan.CurrentKey.ToArray();
            entries.Add(new() { Key = key, Entry = OutcomeOf(entry, withValue: true) });
            bytes += key.Length + entry.Value.Length;
        }
        return new()
        {
            Kind = OutcomeKind.Ok,
            Entries = [.. entries],
            More = more,
        };
    }
}
