using System.Runtime.CompilerServices;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>
/// The data plane as its contract has it, in one process's memory: versions, conditions, lifetimes, request ids, scans
/// and keyspaces. It stands behind the gateway under test.
/// </summary>
internal sealed partial class InMemoryExapyteClient(TimeProvider time) : IExapyteClient
{
    private readonly Lock gate = new();
    private int held;
    private readonly SortedDictionary<string, MemoryKeyspace> keyspaces = new(StringComparer.Ordinal);
    private long lastId;

    /// <summary>Answers instead of the store, where it is set and answers.</summary>
    public Func<string, Operation, OperationOutcome?>? Intercept { get; set; }

    /// <summary>Answers instead of a scan, where it is set and answers.</summary>
    public Func<string, ScanQuery, ScanPage?>? InterceptScan { get; set; }

    /// <summary>What is heard by whoever watches.</summary>
    public Func<string, ChangesQuery, IAsyncEnumerable<ChangesPart>> Changes { get; set; } =
        static (_, _) => AsyncEnumerable.Empty<ChangesPart>();

    /// <summary>Answers instead of a command on a keyspace, where it is set.</summary>
    public KeyspaceReply? InterceptKeyspace { get; set; }

    /// <summary>Held by every operation before it starts.</summary>
    public TaskCompletionSource? Hold { get; set; }

    /// <summary>Calls that are held now.</summary>
    public int Held => Volatile.Read(ref held);

    /// <summary>Snapshots break off behind their entries.</summary>
    public bool SnapshotBreaks { get; set; }

    public List<string> ReasonsNotReady { get; } = [];

    public Exception? Throws { get; set; }

    /// <summary>Operations that got here.</summary>
    public int Operations { get; private set; }

    public ServedBy Served { get; set; } = new(ConsistencyLevel.Linearizable, "n1", "eu", 0, false);

    public IAsyncEnumerable<ChangesPart> WatchAsync(
        string keyspace,
        ChangesQuery query,
        CancellationToken cancellationToken = default
    ) => Changes(keyspace, query);

    public async ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CancellationToken cancellationToken = default
    )
    {
        await IsFreeAsync(cancellationToken);
        return Execute(keyspace, RequestFingerprint.Name(operation));
    }

    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CancellationToken cancellationToken = default
    )
    {
        operations = RequestFingerprint.Name(operations, atomic);
        lock (gate)
        {
            if (!keyspaces.TryGetValue(keyspace, out var space))
            {
                return All(operations, OperationOutcome.Of(OutcomeKind.NoSuchKeyspace, "There is no such keyspace."));
            }
            if (!atomic)
            {
                return new([.. operations.Select(operation => Execute(keyspace, operation))]);
            }
            if (space.Map.Settings.Replication != ReplicationKind.Raft)
            {
                return All(
                    operations,
                    OperationOutcome.Of(OutcomeKind.Invalid, "Atomic batches need a raft keyspace.")
                );
            }
            if (operations.Select(operation => space.Map.ShardIndexOf(operation.Key.Span)).Distinct().Count() > 1)
            {
                return All(
                    operations,
                    OperationOutcome.Of(OutcomeKind.Invalid, "The keys lie in more than one shard.")
                );
            }
            return new(ExecuteAtomic(keyspace, space, operations));
        }
    }

    public ValueTask<ScanPage> ScanAsync(
        string keyspace,
        ScanQuery query,
        CancellationToken cancellationToken = default
    )
    {
        Note(keyspace, query.Session);
        lock (gate)
        {
            if (InterceptScan?.Invoke(keyspace, query) is { } page)
            {
                return new(page);
            }
            return new(
                keyspaces.TryGetValue(keyspace, out var space)
                    ? space.Scan(query, NowMs, Served)
                    : new(OutcomeKind.NoSuchKeyspace, [], false, 0, "There is no such keyspace.", ServedBy.Nothing)
            );
        }
    }

    public async IAsyncEnumerable<SnapshotPart> ReadSnapshotAsync(
        string keyspace,
        [EnumeratorCancellation] CancellationToken cancellationToken = default
    )
    {
        MemoryKeyspace? space;
        List<StampedEntry> entries;
        lock (gate)
        {
            keyspaces.TryGetValue(keyspace, out space);
            entries = space?.Snapshot(NowMs) ?? [];
        }
        if (space is null)
        {
            yield return new(OutcomeKind.NoSuchKeyspace, "There is no such keyspace.", null, 0, 0, []);
            yield break;
        }
        yield return new(OutcomeKind.Ok, null, space.Map, 0, 0, []);
        yield return new(OutcomeKind.Ok, null, space.Map, 0, (ulong)entries.Count, entries);
        await Task.Yield();
        if (SnapshotBreaks)
        {
            yield return new(OutcomeKind.Unavailable, "The replica is gone.", null, 0, 0, []);
        }
    }

    public Task<KeyspaceReply> PutKeyspaceAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
        {
            if (InterceptKeyspace is { } reply)
            {
                return Task.FromResult(reply);
            }
            var reasons = KeyspaceRules.ReasonsAgainst(settings);
            if (reasons.Count > 0)
            {
                return Task.FromResult(Refuse(KeyspaceOutcome.Invalid, reasons));
            }
            if (!keyspaces.TryGetValue(keyspace, out var space))
            {
                space = new(MapOf(keyspace, settings, ++lastId, 1));
                keyspaces[keyspace] = space;
                return Task.FromResult(new KeyspaceReply { Outcome = KeyspaceOutcome.Created, Map = space.Map });
            }
            var changes = KeyspaceRules.ReasonsAgainstChange(space.Map.Settings, settings);
            if (changes.Count > 0)
            {
                return Task.FromResult(Refuse(KeyspaceOutcome.Conflict, changes));
            }
            space.Map = MapOf(keyspace, settings, space.Map.KeyspaceId, space.Map.Epoch + 1);
            return Task.FromResult(new KeyspaceReply { Outcome = KeyspaceOutcome.Ok, Map = space.Map });
        }
    }

    public Task<KeyspaceReply> GetKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return Task.FromResult(
                InterceptKeyspace
                    ?? (
                        keyspaces.TryGetValue(keyspace, out var space)
                            ? new() { Outcome = KeyspaceOutcome.Ok, Map = space.Map }
                            : new() { Outcome = KeyspaceOutcome.NotFound }
                    )
            );
        }
    }

    public Task<KeyspaceReply> DeleteKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return Task.FromResult(
                InterceptKeyspace
                    ?? new() { Outcome = keyspaces.Remove(keyspace) ? KeyspaceOutcome.Ok : KeyspaceOutcome.NotFound }
            );
        }
    }

    public Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return Throws is null
                ? Task.FromResult<string[]>([.. keyspaces.Keys])
                : Task.FromException<string[]>(Throws);
        }
    }

    public Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken = default) =>
        Throws is null
            ? Task.FromResult(
                new ClusterTopology { NodeEpoch = 3, Nodes = [MemoryNodes.Of("n1", true), MemoryNodes.Of("n2", false)] }
            )
            : Task.FromException<ClusterTopology>(Throws);

    public Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    )
    {
        lock (gate)
        {
            IReadOnlyList<ShardStatus>? shards = keyspaces.TryGetValue(keyspace, out var space)
                ?
                [
                    .. space.Map.Shards.Select(shard => new ShardStatus(
                        shard,
                        [
                            new()
                            {
                                ReplicaId = shard.Replicas[0].ReplicaId,
                                Node = "n1",
                                Role = "leader",
                                Revision = ulong.MaxValue,
                                Indexes = space.IndexStatuses(),
                            },
                        ]
                    )),
                ]
                : null;
            return Task.FromResult(shards);
        }
    }

    /// <summary>Has an index be built for as long as the test runs.</summary>
    public void KeepBuilding(string keyspace, string index)
    {
        lock (gate)
        {
            keyspaces[keyspace].NotReady.Add(index);
        }
    }

    public ValueTask<KeyspaceMap?> GetMapAsync(string keyspace, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return new(keyspaces.GetValueOrDefault(keyspace)?.Map);
        }
    }

    public Task<Usage?> GetUseAsync(KeyspaceMap map, CancellationToken cancellationToken = default)
    {
        lock (gate)
        {
            return Task.FromResult<Usage?>(
                map.Settings.Quota is null
                    ? null
                    : keyspaces[map.Name]
                        .Snapshot(NowMs)
                        .Aggregate(default(Usage), (sum, one) => sum + new Usage(1, one.Key.Length + one.Value.Length))
            );
        }
    }

    public async Task<IReadOnlyList<string>> GetReasonsNotReadyAsync(CancellationToken cancellationToken = default)
    {
        await IsFreeAsync(cancellationToken);
        return Throws is null ? ReasonsNotReady : throw Throws;
    }

    private async Task IsFreeAsync(CancellationToken cancellationToken)
    {
        if (Hold is not { } hold)
        {
            return;
        }
        Interlocked.Increment(ref held);
        try
        {
            await hold.Task.WaitAsync(cancellationToken);
        }
        finally
        {
            Interlocked.Decrement(ref held);
        }
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private OperationResult Execute(string keyspace, Operation operation)
    {
        lock (gate)
        {
            Operations++;
            if (Throws is not null)
            {
                throw Throws;
            }
            if (Intercept?.Invoke(keyspace, operation) is { } outcome)
            {
                return new(outcome, ServedBy.Nothing);
            }
            if (!keyspaces.TryGetValue(keyspace, out var space))
            {
                return new(
                    OperationOutcome.Of(OutcomeKind.NoSuchKeyspace, "There is no such keyspace."),
                    ServedBy.Nothing
                );
            }
            var served = operation.Level == ConsistencyLevel.Default ? Served : Served with { Level = operation.Level };
            return new(space.Execute(operation, NowMs), served);
        }
    }

    private OperationResult[] ExecuteAtomic(string keyspace, MemoryKeyspace space, IReadOnlyList<Operation> operations)
    {
        var before = space.Copy();
        OperationResult[] results = [.. operations.Select(operation => Execute(keyspace, operation))];
        var failed = Array.FindIndex(
            results,
            result => result.Outcome.Kind is not (OutcomeKind.Ok or OutcomeKind.NotFound)
        );
        if (failed < 0)
        {
            return results;
        }
        space.Restore(before);
        if (results[failed].Outcome.InDoubt)
        {
            return results;
        }
        return
        [
            .. results.Select(
                (result, at) => new OperationResult(DecidedBy(results[failed].Outcome, failed, at), Served)
            ),
        ];
    }

    /// <summary>What an item of a refused atomic batch answers.</summary>
    private static OperationOutcome DecidedBy(OperationOutcome decided, int decidedAt, int at) =>
        new()
        {
            Kind = decided.Kind,
            Version = at == decidedAt ? decided.Version : default,
            Detail = at == decidedAt ? decided.Detail : "Another item failed.",
            DecidedBy = decidedAt,
        };

    private static ValueTask<OperationResult[]> All(IReadOnlyList<Operation> operations, OperationOutcome outcome) =>
        new([.. operations.Select(_ => new OperationResult(outcome, ServedBy.Nothing))]);

    private static KeyspaceReply Refuse(KeyspaceOutcome outcome, IReadOnlyList<string> reasons) =>
        new() { Outcome = outcome, Reasons = [.. reasons] };

    private KeyspaceMap MapOf(string name, KeyspaceSettings settings, long id, long epoch) =>
        new()
        {
            Name = name,
            KeyspaceId = id,
            Epoch = epoch,
            Settings = settings,
            Shards =
            [
                .. Enumerable
                    .Range(0, KeyspaceRules.ShardsAtCreation(settings))
                    .Select(at => new ShardPlacement
                    {
                        ShardId = ++lastId,
                        FirstSlot = settings.SplitKeys is null ? at * KeyHash.Slots / settings.Shards : 0,
                        Start = settings.SplitKeys is { } split && at > 0 ? split.Keys[at - 1] : [],
                        Replicas = [new() { ReplicaId = ++lastId, Node = "n1" }],
                    }),
            ],
        };
}
