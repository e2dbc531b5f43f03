using System.Text;
using System.Text.Json.Nodes;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries.Indexes;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>One keyspace's entries, ordered by key bytes. Not thread-safe.</summary>
internal sealed class MemoryKeyspace(KeyspaceMap map)
{
    private const ulong Origin = 0xabc;

    private SortedDictionary<byte[], OperationOutcome> entries = new(ByteOrder.Instance);
    private readonly Dictionary<string, RequestFingerprint> requests = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Id, int Position), OperationOutcome> outcomes = [];
    private ulong revision;

    public KeyspaceMap Map { get; set; } = map;

    private bool IsRaft => Map.Settings.Replication == ReplicationKind.Raft;

    public SortedDictionary<byte[], OperationOutcome> Copy() => new(entries, ByteOrder.Instance);

    public void Restore(SortedDictionary<byte[], OperationOutcome> copy) => entries = copy;

    public List<StampedEntry> Snapshot(long nowMs) =>
        [
            .. entries
                .Where(entry => IsAlive(entry.Value, nowMs))
                .Select(entry => new StampedEntry
                {
                    Key = entry.Key,
                    Version = entry.Value.Version,
                    Value = entry.Value.Value,
                    ContentType = entry.Value.ContentType,
                    ModifiedMs = entry.Value.ModifiedMs,
                    ExpiresMs = entry.Value.ExpiresMs,
                }),
        ];

    public OperationOutcome Execute(Operation operation, long nowMs)
    {
        if (!IsRaft && (operation.Condition is not null || operation.RequestId is not null))
        {
            return OperationOutcome.Of(OutcomeKind.Invalid, "A leaderless keyspace takes no condition or request id.");
        }
        if (!IsRaft && operation.IsChange)
        {
            return OperationOutcome.Of(OutcomeKind.Invalid, "A leaderless keyspace takes no increment or patch.");
        }
        if (IsRaft && operation.Level >= ConsistencyLevel.One)
        {
            return OperationOutcome.Of(OutcomeKind.Invalid, "A raft keyspace has no such level.");
        }
        if (operation.RequestId is not { } id)
        {
            return Apply(operation, nowMs);
        }
        if (requests.TryGetValue(id, out var known) && known != operation.Fingerprint)
        {
            return OperationOutcome.Of(OutcomeKind.RequestIdReused, "The request id was used for another request.");
        }
        if (outcomes.TryGetValue((id, operation.Position), out var earlier))
        {
            return earlier;
        }
        requests[id] = operation.Fingerprint;
        return outcomes[(id, operation.Position)] = Apply(operation, nowMs);
    }

    public ScanPage Scan(ScanQuery query, long nowMs, ServedBy served)
    {
        if (query.KeyspaceId != 0 && query.KeyspaceId != Map.KeyspaceId)
        {
            return new(OutcomeKind.Invalid, [], false, Map.KeyspaceId, "The keyspace was created again.", served);
        }
        var inRange = entries.Where(entry => IsAlive(entry.Value, nowMs) && IsInRange(query, entry.Key));
        var isByIndex = HasIndex(query.Index);
        if (isByIndex)
        {
            inRange = inRange.Where(entry => IsNamed(query.Index!, entry.Value.Value));
        }
        var ordered = query.Reverse ? inRange.Reverse() : inRange;
        var folding = new KeyFolding(query.Delimiter, query.Prefix.Length);
        var folded = ordered
            .Select(entry =>
                (
                    entry.Key,
                    entry.Value,
                    Prefix: Convert.ToHexString(entry.Key.AsSpan(0, folding.FoldedBytes(entry.Key)))
                )
            )
            .DistinctBy(entry => entry.Prefix.Length > 0 ? entry.Prefix : "key " + Convert.ToHexString(entry.Key))
            .Take(query.EntriesMax + 1)
            .ToArray();
        var page = folded[..Math.Min(folded.Length, query.EntriesMax)];
        ListedEntry[] entriesOfPage =
        [
            .. page.Where(entry => entry.Prefix.Length == 0)
                .Select(entry => new ListedEntry
                {
                    Key = entry.Key,
                    Entry = query.KeysOnly ? WithoutValue(entry.Value) : entry.Value,
                }),
        ];
        return new(OutcomeKind.Ok, entriesOfPage, folded.Length > page.Length, Map.KeyspaceId, null, served)
        {
            ByIndex = isByIndex,
            Prefixes =
            [
                .. page.Where(entry => entry.Prefix.Length > 0)
                    .Select(entry => (ReadOnlyMemory<byte>)Convert.FromHexString(entry.Prefix)),
            ],
        };
    }

    /// <summary>Indexes that are not ready: pages by them hold all entries.</summary>
    public HashSet<string> NotReady { get; } = [];

    public IndexStatus[] IndexStatuses() =>
        [
            .. (Map.Settings.Indexes?.Items ?? []).Select(index => new IndexStatus
            {
                Name = index.Name,
                Paths = index.Paths,
                State = NotReady.Contains(index.Name) ? IndexState.Building : IndexState.Ready,
                Done = 1,
            }),
        ];

    private bool HasIndex(IndexLookup? lookup) =>
        lookup is not null
        && !NotReady.Contains(lookup.Name)
        && Map.Settings.Indexes?.Items.Contains(new() { Name = lookup.Name, Paths = lookup.Paths }) == true;

    private static bool IsNamed(IndexLookup lookup, ReadOnlyMemory<byte> document) =>
        new IndexReader([.. lookup.Paths.Select(IndexPath.Parse)]).TryRead(document, out var values)
        && IsWithin(lookup, values);

    private static bool IsWithin(IndexLookup lookup, ReadOnlySpan<byte> values)
    {
        foreach (var range in lookup.Ranges)
        {
            if (values.SequenceCompareTo(range.Start.Span) >= 0 && values.SequenceCompareTo(range.End.Span) < 0)
            {
                return true;
            }
        }
        return false;
    }

    private OperationOutcome Apply(Operation operation, long nowMs)
    {
        var key = operation.Key.ToArray();
        var current = entries.TryGetValue(key, out var entry) && IsAlive(entry, nowMs) ? entry : null;
        if (!operation.IsWrite)
        {
            return current is null ? OperationOutcome.NotFound
                : operation.Kind == OperationKind.Head ? WithoutValue(current)
                : current;
        }
        if (operation.Condition?.IsMetBy(current?.Version ?? default) is false)
        {
            return new()
            {
                Kind = OutcomeKind.PreconditionFailed,
                Version = current?.Version ?? default,
                Detail = "The entry has another version.",
            };
        }
        revision++;
        var version = IsRaft ? new VersionStamp(revision) : new VersionStamp(((ulong)nowMs << 16) + revision, Origin);
        if (operation.Kind == OperationKind.Delete)
        {
            entries.Remove(key);
            return new()
            {
                Kind = OutcomeKind.Ok,
                Version = version,
                Changed = current is not null,
            };
        }
        var (value, refused) = ValueOf(operation, current);
        if (refused is { } kind)
        {
            return new() { Kind = kind };
        }
        var ttlMs = operation.TtlMs == 0 ? (Map.Settings.DefaultTtlSeconds ?? 0) * 1_000 : operation.TtlMs;
        entries[key] = new()
        {
            Kind = OutcomeKind.Ok,
            Version = version,
            Value = value,
            ValueBytes = value.Length,
            ContentType = operation.IsChange ? current?.ContentType ?? "application/json" : operation.ContentType,
            ModifiedMs = nowMs,
            ExpiresMs =
                operation.IsChange && current is not null ? current.ExpiresMs
                : operation.ExpiresAtMs > 0 ? operation.ExpiresAtMs
                : ttlMs > 0 ? nowMs + ttlMs
                : 0,
        };
        return new()
        {
            Kind = OutcomeKind.Ok,
            Version = version,
            Changed = current is null,
            ModifiedMs = nowMs,
            ExpiresMs = entries[key].ExpiresMs,
            Value = operation.Kind == OperationKind.Increment ? value : default,
        };
    }

    private static (byte[] Value, OutcomeKind? Refused) ValueOf(Operation operation, OperationOutcome? current)
    {
        if (operation.Kind == OperationKind.Put)
        {
            return (operation.Value.ToArray(), null);
        }
        var (present, given) = (
            Encoding.UTF8.GetString((current?.Value ?? default).Span),
            Encoding.UTF8.GetString(operation.Value.Span)
        );
        if (operation.Kind == OperationKind.Increment)
        {
            return long.TryParse(current is null ? "0" : present, out var number)
                ? (Encoding.ASCII.GetBytes($"{number + long.Parse(given)}"), null)
                : ([], OutcomeKind.NotAnInteger);
        }
        // One level: what the gateway makes of an outcome is what is tested here.
        var merged = (current is null ? new JsonObject() : JsonNode.Parse(present)!).AsObject();
        foreach (var (name, member) in JsonNode.Parse(given)!.AsObject())
        {
            if (member is null)
            {
                merged.Remove(name);
            }
            else
            {
                merged[name] = member.DeepClone();
            }
        }
        return (Encoding.UTF8.GetBytes(merged.ToJsonString()), null);
    }

    private static bool IsAlive(OperationOutcome entry, long nowMs) => entry.ExpiresMs == 0 || entry.ExpiresMs > nowMs;

    private static bool IsInRange(ScanQuery query, byte[] key)
    {
        ReadOnlySpan<byte> bytes = key;
        var folded = new KeyFolding(query.Delimiter, query.Prefix.Length).FoldedBytes((query.After ?? default).Span);
        return (folded == 0 || !bytes.StartsWith(query.After!.Value.Span[..folded]))
            && bytes.SequenceCompareTo(query.Start.Span) >= 0
            && (query.End is null || bytes.SequenceCompareTo(query.End.Value.Span) < 0)
            && bytes.StartsWith(query.Prefix.Span)
            && (
                query.After is null
                || (
                    query.Reverse
                        ? bytes.SequenceCompareTo(query.After.Value.Span) < 0
                        : bytes.SequenceCompareTo(query.After.Value.Span) > 0
                )
            );
    }

    private static OperationOutcome WithoutValue(OperationOutcome entry) =>
        new()
        {
            Kind = entry.Kind,
            Version = entry.Version,
            ValueBytes = entry.ValueBytes,
            ContentType = entry.ContentType,
            ModifiedMs = entry.ModifiedMs,
            ExpiresMs = entry.ExpiresMs,
        };

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public static readonly ByteOrder Instance = new();

        public int Compare(byte[]? x, byte[]? y) => x.AsSpan().SequenceCompareTo(y);
    }
}
