using System.Collections.Concurrent;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Tests.Scripted;

/// <summary>A keyspace of a test: real grains answer for it, out of a dictionary and as the test says.</summary>
public sealed class ScriptedKeyspace
{
    private static readonly ConcurrentDictionary<string, ScriptedKeyspace> ByName = new();
    private static readonly ConcurrentDictionary<long, ScriptedReplica> ReplicasById = new();
    private static long ids = 1_000;

    private readonly byte[][]? splits;
    private int finds;

    public ScriptedKeyspace(int shards = 1, int replicas = 3, KeyspaceSettings? settings = null, string? name = null)
    {
        Settings = (settings ?? new()) with { Shards = shards, Replicas = replicas };
        splits = Settings.Distribution == DistributionKind.Range ? Settings.SplitKeys?.Keys ?? [] : null;
        KeyspaceId = NextId();
        Name = name ?? $"k{KeyspaceId}";
        Shards = [.. Enumerable.Range(0, shards).Select(_ => new ScriptedShard(NextId()))];
        for (var i = 0; i < shards; i++)
        {
            Place(Shards[i], replicas);
        }
        Map = MapAt(epoch: 1);
        ByName[Name] = this;
    }

    /// <summary>A range keyspace that is split at these keys.</summary>
    public static ScriptedKeyspace Range(byte[][] splits, int replicas = 1) =>
        new(
            splits.Length + 1,
            replicas,
            new()
            {
                Distribution = DistributionKind.Range,
                SplitKeys = new() { Keys = splits },
            }
        );

    public string Name { get; }

    public long KeyspaceId { get; }

    public KeyspaceSettings Settings { get; }

    public ScriptedShard[] Shards { get; }

    /// <summary>What the map grain answers; null: no such keyspace.</summary>
    public KeyspaceMap? Map { get; set; }

    /// <summary>Run by the map grain before it answers.</summary>
    public Func<Task>? BeforeFind { get; set; }

    public int Finds => finds;

    public ScriptedReplica this[int shard, int replica] => Shards[shard].Replicas[replica];

    public static ScriptedKeyspace? Find(string name) => ByName.GetValueOrDefault(name);

    public static IEnumerable<ScriptedKeyspace> All => ByName.Values;

    public static ScriptedReplica? Replica(long id) => ReplicasById.GetValueOrDefault(id);

    public static long NextId() => Interlocked.Increment(ref ids);

    public void CountFind() => Interlocked.Increment(ref finds);

    /// <summary>The map of the present placement.</summary>
    public KeyspaceMap MapAt(long epoch) =>
        new()
        {
            Name = Name,
            KeyspaceId = KeyspaceId,
            Epoch = epoch,
            Settings = Settings,
            Shards =
            [
                .. Shards.Select(
                    (shard, at) =>
                        new ShardPlacement
                        {
                            ShardId = shard.ShardId,
                            FirstSlot = splits is null ? at * KeyHash.Slots / Shards.Length : 0,
                            Start = splits is not null && at > 0 ? splits[at - 1] : [],
                            Replicas =
                            [
                                .. shard.Replicas.Select(replica => new ReplicaPlacement
                                {
                                    ReplicaId = replica.ReplicaId,
                                    Node = replica.Node,
                                }),
                            ],
                        }
                ),
            ],
        };

    /// <summary>Replaces the replicas of a shard by new ones; the old ones are no more.</summary>
    public void Move(int shard)
    {
        foreach (var replica in Shards[shard].Replicas)
        {
            replica.Hosted = false;
        }
        Place(Shards[shard], Shards[shard].Replicas.Count);
    }

    private static void Place(ScriptedShard shard, int replicas)
    {
        shard.Replicas = [.. Enumerable.Range(1, replicas).Select(n => new ScriptedReplica(shard, NextId(), $"n{n}"))];
        shard.LeaderReplicaId = shard.Replicas[0].ReplicaId;
        foreach (var replica in shard.Replicas)
        {
            ReplicasById[replica.ReplicaId] = replica;
        }
    }
}

/// <summary>The entries of a shard, one copy for all its replicas.</summary>
public sealed class ScriptedShard(long shardId)
{
    private static readonly Comparer<byte[]> ByBytes = Comparer<byte[]>.Create(
        static (left, right) => left.AsSpan().SequenceCompareTo(right)
    );

    private readonly SortedDictionary<byte[], OperationOutcome> entries = new(ByBytes);
    private readonly Lock gate = new();
    private ulong revision;

    public long ShardId => shardId;

    public IReadOnlyList<ScriptedReplica> Replicas { get; set; } = [];

    public long LeaderReplicaId { get; set; }

    /// <summary>Whether its replicas fold the keys of a listing, or are of a version that does not know how.</summary>
    public bool Folds { get; set; } = true;

    public OperationOutcome[] Apply(OperationBatch batch)
    {
        lock (gate)
        {
            if (batch.Atomic && Array.Exists(batch.Operations, operation => !Meets(operation)))
            {
                return Array.ConvertAll(batch.Operations, Refuse);
            }
            return Array.ConvertAll(batch.Operations, Apply);
        }
    }

    public ScanReply Scan(ScanRequest request, int entriesMax)
    {
        lock (gate)
        {
            var range = entries.Where(pair =>
                pair.Key.AsSpan().SequenceCompareTo(request.Start.Span) >= 0
                && (request.End is not { } end || pair.Key.AsSpan().SequenceCompareTo(end.Span) < 0)
            );
            var ordered = Folds ? Fold(request, range) : [.. request.Reverse ? range.Reverse() : range];
            var most = Math.Min(request.EntriesMax, entriesMax);
            return new()
            {
                Kind = OutcomeKind.Ok,
                Entries =
                [
                    .. ordered.Take(most).Select(pair => new ListedEntry { Key = pair.Key, Entry = pair.Value }),
                ],
                More = ordered.Length > most,
            };
        }
    }

    /// <summary>One key of each common prefix: the first that the direction meets.</summary>
    private static KeyValuePair<byte[], OperationOutcome>[] Fold(
        ScanRequest request,
        IEnumerable<KeyValuePair<byte[], OperationOutcome>> range
    )
    {
        var folding = new KeyFolding(request.Delimiter, request.FoldFrom);
        return
        [
            .. (request.Reverse ? range.Reverse() : range).DistinctBy(pair =>
                folding.FoldedBytes(pair.Key) is > 0 and var folded
                    ? Convert.ToHexString(pair.Key.AsSpan(0, folded))
                    : "key " + Convert.ToHexString(pair.Key)
            ),
        ];
    }

    private bool Meets(Operation operation) => operation.Condition?.IsMetBy(VersionOf(operation.Key.ToArray())) ?? true;

    private VersionStamp VersionOf(byte[] key) => entries.GetValueOrDefault(key)?.Version ?? VersionStamp.None;

    private OperationOutcome Refuse(Operation operation) =>
        new() { Kind = OutcomeKind.PreconditionFailed, Version = VersionOf(operation.Key.ToArray()) };

    private OperationOutcome Apply(Operation operation)
    {
        var key = operation.Key.ToArray();
        if (!Meets(operation))
        {
            return Refuse(operation);
        }
        var had = entries.ContainsKey(key);
        switch (operation.Kind)
        {
            case OperationKind.Put:
                var version = new VersionStamp(++revision);
                entries[key] = new()
                {
                    Kind = OutcomeKind.Ok,
                    Version = version,
                    Value = operation.Value.ToArray(),
                    ValueBytes = operation.Value.Length,
                    ContentType = operation.ContentType,
                };
                return new()
                {
                    Kind = OutcomeKind.Ok,
                    Version = version,
                    Changed = !had,
                };
            case OperationKind.Delete:
                revision++;
                entries.Remove(key);
                return new() { Kind = OutcomeKind.Ok, Changed = had };
            default:
                return had ? entries[key] : OperationOutcome.NotFound;
        }
    }
}

/// <summary>A replica: counts what reaches it and does what the test says.</summary>
public sealed class ScriptedReplica(ScriptedShard shard, long replicaId, string node)
{
    private readonly ConcurrentQueue<OperationBatch> batches = new();

    public long ReplicaId => replicaId;

    public string Node => node;

    public bool Hosted { get; set; } = true;

    /// <summary>Answers instead of the default where it answers at all (null: the default).</summary>
    public Func<OperationBatch, Task<BatchReply?>>? Script { get; set; }

    /// <summary>The same for scans.</summary>
    public Func<ScanRequest, Task<ScanReply?>>? ScanScript { get; set; }

    /// <summary>Most entries that a page of this replica has, whatever was asked for.</summary>
    public int PageEntriesMax { get; set; } = int.MaxValue;

    /// <summary>The map that every reply carries.</summary>
    public KeyspaceMap? NewerMap { get; set; }

    /// <summary>What every reply says of its age.</summary>
    public long StalenessMs { get; set; }

    /// <summary>Every call that arrived, in order.</summary>
    public OperationBatch[] Batches => [.. batches];

    public int Calls => batches.Count;

    public int Operations => batches.Sum(batch => batch.Operations.Length);

    /// <summary>Holds every call from now on until the returned source is completed; then the default follows.</summary>
    public TaskCompletionSource Hold()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Script = async _ =>
        {
            await gate.Task;
            return null;
        };
        return gate;
    }

    /// <summary>Answers the first calls by these, one each, then by default.</summary>
    public void First(params Func<OperationBatch, BatchReply?>[] replies)
    {
        var at = -1;
        Script = batch =>
        {
            var next = Interlocked.Increment(ref at);
            return Task.FromResult(next < replies.Length ? replies[next](batch) : null);
        };
    }

    /// <summary>Answers every operation of every call by this outcome.</summary>
    public void Always(OperationOutcome outcome) =>
        Script = batch => Task.FromResult<BatchReply?>(Reply(batch, outcome));

    public BatchReply Reply(OperationBatch batch, OperationOutcome outcome) =>
        Reply(Array.ConvertAll(batch.Operations, _ => outcome));

    public BatchReply Reply(OperationOutcome[] outcomes) =>
        new()
        {
            Outcomes = outcomes,
            Node = node,
            Region = ScriptedNodes.RegionOf(node),
            NewerMap = NewerMap,
            StalenessMs = StalenessMs,
        };

    public async ValueTask<BatchReply> ExecuteAsync(OperationBatch batch, bool raft)
    {
        batches.Enqueue(batch);
        if (Script is { } script && await script(batch) is { } scripted)
        {
            return scripted;
        }
        if (!Hosted)
        {
            return Reply(batch, OperationOutcome.Of(OutcomeKind.NoSuchReplica, "not hosted"));
        }
        return raft && shard.LeaderReplicaId != replicaId && Array.Exists(batch.Operations, NeedsLeader)
            ? Reply(batch, new() { Kind = OutcomeKind.NotLeader, LeaderReplicaId = shard.LeaderReplicaId })
            : Reply(shard.Apply(batch));
    }

    public async ValueTask<ScanReply> ScanAsync(ScanRequest request, bool raft)
    {
        if (ScanScript is { } script && await script(request) is { } scripted)
        {
            return scripted;
        }
        return
            raft
            && shard.LeaderReplicaId != replicaId
            && request is { Level: not ConsistencyLevel.Eventual, AtAnyMember: false }
            ? new() { Kind = OutcomeKind.NotLeader, LeaderReplicaId = shard.LeaderReplicaId }
            : shard.Scan(request, PageEntriesMax);
    }

    private static bool NeedsLeader(Operation operation) =>
        operation.IsWrite
        || (operation.Level is ConsistencyLevel.Default or ConsistencyLevel.Linearizable && !operation.AtAnyMember);
}

/// <summary>The nodes of all tests.</summary>
public static class ScriptedNodes
{
    public static ClusterTopology Topology { get; } =
        new() { NodeEpoch = 1, Nodes = [Node("n1"), Node("n2"), Node("n3")] };

    public static string RegionOf(string node) => node == "n3" ? "us" : "eu";

    private static NodeInfo Node(string id) =>
        new()
        {
            Registration = new()
            {
                Node = id,
                StoreId = 1,
                Region = RegionOf(id),
                Zone = "a",
            },
            FirstSeenMs = 1,
            RegisteredMs = 1,
            Alive = true,
        };
}
