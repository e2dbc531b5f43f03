using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// A hosted replica of a leaderless shard. It stamps writes with the node's hybrid clock, makes them durable here,
/// pushes them to the other replicas and answers once as many hold them as the level asks for. Thread-safe.
/// </summary>
internal sealed class LeaderlessReplica(NodeServices node, ReplicaIdentity identity, LocalCopy local) : IReplica
{
    private readonly PushMarks marks = new(local, local.Log, node.StoreId);
    private readonly QuorumReads quorumReads = new(local, node.Time);
    private volatile Peers peers = Peers.None;
    private volatile string stopped = "";

    /// <summary>The map as this replica uses it, and the other replicas in it; swapped whole.</summary>
    private sealed record Peers(KeyspaceMap? Map, IShardGrain[] Grains, PushLane[] Lanes, long[] Replicas, int Placed)
    {
        public static readonly Peers None = new(null, [], [], [], 0);
    }

    /// <inheritdoc/>
    public ReplicaIdentity Identity => identity;

    /// <inheritdoc/>
    public ulong StorePrefix => identity.StorePrefix;

    private long NowMs => node.Time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public void UseMap(KeyspaceMap map, bool confirmed)
    {
        var before = peers;
        var placement = Array.Find(map.Shards, shard => shard.ShardId == identity.ShardId);
        if (placement is null || before.Map?.Epoch >= map.Epoch)
        {
            return;
        }
        var others = placement.Replicas.Where(replica => replica.ReplicaId != identity.ReplicaId).ToArray();
        var grains = others.Select(GrainOf).ToArray();
        var lanes = grains.Select((grain, i) => LaneTo(grain, others[i].Node, before)).ToArray();
        peers = new(map, grains, lanes, [.. others.Select(other => other.ReplicaId)], placement.Replicas.Length);
        for (var i = 0; i < lanes.Length; i++)
        {
            if (!before.Lanes.Contains(lanes[i]))
            {
                marks.Replay(others[i].ReplicaId, lanes[i]);
            }
        }
        foreach (var gone in before.Lanes.Except(lanes))
        {
            gone.Stop();
        }
    }

    /// <inheritdoc/>
    public async ValueTask<OperationOutcome[]> Execute(OperationBatch batch)
    {
        var outcomes = new OperationOutcome[batch.Operations.Length];
        var current = peers;
        var plan = BatchPlan.Of(batch, current.Map, identity, outcomes);
        if (stopped.Length > 0)
        {
            plan.Fill(OutcomeKind.Unavailable, stopped);
            return outcomes;
        }
        var deadlineMs = NowMs + batch.TimeoutMs;
        if (plan.Writes > 0)
        {
            await Write(batch, outcomes, current, deadlineMs);
        }
        await Read(batch, outcomes, current, deadlineMs);
        return outcomes;
    }

    /// <inheritdoc/>
    public ValueTask<ScanReply> Scan(ScanRequest request) =>
        ValueTask.FromResult(
            stopped.Length > 0 ? new() { Kind = OutcomeKind.Unavailable, Detail = stopped }
            : request.Pin ? node.Pinned.Open(identity.ReplicaId, local.Store, revision: 0, liveAtMs: null)
            : ReplicaReads.Scan(local.Store, request, NowMs)
        );

    /// <summary>Takes a peer's stamped writes; Ok once they are durable here.</summary>
    public async ValueTask<ReplicateReply> Accept(ReplicateRequest request)
    {
        if (stopped.Length > 0)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = stopped };
        }
        foreach (var entry in request.Entries)
        {
            node.Clock.Observe(entry.Version.Revision);
        }
        var verdict = await local.Write(request.Entries);
        return new() { Kind = verdict.Kind, Detail = verdict.Detail };
    }

    /// <summary>This replica's own entries.</summary>
    public LocalReadReply ReadLocal(LocalReadRequest request) =>
        stopped.Length > 0
            ? new() { Kind = OutcomeKind.Unavailable }
            : new() { Kind = OutcomeKind.Ok, Entries = Array.ConvertAll(request.Keys, local.Read) };

    /// <inheritdoc/>
    public ReplicaStatus Status()
    {
        var lanes = peers.Lanes;
        return new()
        {
            ReplicaId = identity.ReplicaId,
            Node = node.NodeId,
            Role = stopped.Length > 0 ? "stopped" : "replica",
            AppliedIndex = local.Store.AppliedIndex,
            Entries = local.Store.ApproximateCount,
            PendingPushes = lanes.Sum(lane => (long)lane.Waiting),
            Problem = stopped.Length > 0 ? stopped : local.Failure,
        };
    }

    /// <inheritdoc/>
    public void Tick()
    {
        if (!node.IsDiskFull)
        {
            local.Resume();
        }
    }

    /// <inheritdoc/>
    public ValueTask HandOver() => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public bool Deliver(PeerMessage message) => true;

    /// <inheritdoc/>
    public void Compact()
    {
        local.Resume();
        var current = peers;
        if (identity.Storage == StorageKind.Disk)
        {
            var forget = marks.Advance(
                current.Replicas.Zip(current.Lanes),
                local.Store.ReadFlushedIndex(),
                node.Options.UnpushedEntriesMax
            );
            node.Log.Compact(new((ulong)identity.ReplicaId), forget, term: 0);
        }
    }

    /// <inheritdoc/>
    /// <remarks>
    /// What expired is kept for a while as the tombstone that it is: were it dropped at once, a replica that still holds
    /// an older write of the key could bring that back.
    /// </remarks>
    public void Sweep() =>
        local.Store.SweepExpired(
            NowMs - (long)node.Options.TombstoneGrace.TotalMilliseconds,
            node.Options.SweepEntriesMax
        );

    /// <inheritdoc/>
    public ValueTask Stop()
    {
        stopped = "The replica has been stopped on this node.";
        foreach (var lane in peers.Lanes)
        {
            lane.Stop();
        }
        return ValueTask.CompletedTask;
    }

    private IShardGrain GrainOf(ReplicaPlacement placement) =>
        node.Grains.GetGrain<IShardGrain>(
            new ReplicaKey(identity.KeyspaceId, identity.ShardId, placement.ReplicaId, placement.Node).ToString()
        );

    private PushLane LaneTo(IShardGrain grain, string peerNode, Peers before)
    {
        var known = Array.FindIndex(before.Grains, other => other.Equals(grain));
        return known >= 0
            ? before.Lanes[known]
            : new(grain, () => node.Peers.IsAlive(peerNode), identity.ReplicaId, node.Time, node.Options.Push);
    }

    private async ValueTask Write(OperationBatch batch, OperationOutcome?[] outcomes, Peers current, long deadlineMs)
    {
        // Before a write is pushed anywhere, so that nothing has happened where it is refused.
        if (node.RefusalOfWrites(identity.Storage) is { } refusal)
        {
            for (var i = 0; i < outcomes.Length; i++)
            {
                outcomes[i] ??= batch.Operations[i].IsWrite ? refusal : null;
            }
            return;
        }
        var rules = CommandRules.Of(current.Map!.Settings);
        List<int> at = [];
        List<StampedEntry> entries = [];
        List<bool> existed = [];
        var needed = 1;
        for (var i = 0; i < outcomes.Length; i++)
        {
            var operation = batch.Operations[i];
            if (outcomes[i] is not null || !operation.IsWrite)
            {
                continue;
            }
            var isHeld = local.Store.TryGetHeader(operation.Key.Span, out var held);
            var reading = await StampOver(held.Version);
            if (!reading.IsOk)
            {
                outcomes[i] = OperationOutcome.Of(reading.Kind, reading.Detail!);
                continue;
            }
            needed = Math.Max(needed, WriteQuorumOf(operation.Level, current));
            entries.Add(Stamped(operation, reading.Stamp, rules));
            existed.Add(isHeld && held.IsLive(NowMs));
            at.Add(i);
        }
        if (entries.Count > 0)
        {
            var stamped = entries.ToArray();
            var (kind, detail, acknowledged) = await Replicate(stamped, current, needed, deadlineMs);
            for (var i = 0; i < stamped.Length; i++)
            {
                outcomes[at[i]] = OutcomeOf(stamped[i], existed[i], kind, detail, acknowledged);
            }
        }
    }

    /// <summary>A stamp that wins over what this replica holds: to acknowledge a write known to be lost would be a lie.</summary>
    private async ValueTask<ClockReading> StampOver(EntryVersion held)
    {
        node.Clock.Observe(held.Revision);
        var reading = await node.Clock.Next();
        return reading.IsOk && reading.Stamp.Revision <= held.Revision
            ? new(
                VersionStamp.None,
                OutcomeKind.Unavailable,
                "The entry was stamped by a clock that is too far ahead of this node's: it cannot be written yet."
            )
            : reading;
    }

    private async ValueTask<(OutcomeKind Kind, string? Detail, int Acknowledged)> Replicate(
        StampedEntry[] entries,
        Peers current,
        int needed,
        long deadlineMs
    )
    {
        var acks = new AckCounter(needed);
        var written = local.Write(entries, out var index);
        if (needed > 1)
        {
            Push(entries, current, acks, index);
        }
        var verdict = await written;
        if (verdict.Kind != OutcomeKind.Ok)
        {
            // Where it was pushed already another replica may hold it: nobody can say that nothing happened.
            return (needed > 1 ? OutcomeKind.Unknown : verdict.Kind, verdict.Detail, acks.Acknowledged);
        }
        acks.Add();
        if (needed <= 1)
        {
            Push(entries, current, acks, index);
        }
        return await acks.Wait(node.Time, deadlineMs - NowMs)
            ? (OutcomeKind.Ok, null, acks.Acknowledged)
            : (
                OutcomeKind.Unknown,
                $"Only {acks.Acknowledged} of {needed} replicas confirmed the write in time: it may reach the others later.",
                acks.Acknowledged
            );
    }

    private static void Push(StampedEntry[] entries, Peers current, AckCounter acks, ulong index)
    {
        foreach (var lane in current.Lanes)
        {
            lane.Enqueue(entries, acks, index);
        }
    }

    private async ValueTask Read(OperationBatch batch, OperationOutcome?[] outcomes, Peers current, long deadlineMs)
    {
        List<int> at = [];
        var needed = 1;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is not null)
            {
                continue;
            }
            var reads = ReadQuorumOf(batch.Operations[i].Level, current);
            if (reads <= 1)
            {
                outcomes[i] = ReplicaReads.Read(local.Store, batch.Operations[i], NowMs);
                continue;
            }
            needed = Math.Max(needed, reads);
            at.Add(i);
        }
        if (at.Count == 0)
        {
            return;
        }
        var keys = at.Select(i => batch.Operations[i].Key).ToArray();
        var newest = await quorumReads.Read(keys, current.Grains, needed, identity.ReplicaId, deadlineMs - NowMs);
        foreach (var entry in newest ?? [])
        {
            // Whoever read it may write next, through this node too: that write must win over what was read.
            node.Clock.Observe(entry.Version.Revision);
        }
        for (var i = 0; i < at.Count; i++)
        {
            outcomes[at[i]] = newest is null
                ? OperationOutcome.Of(
                    OutcomeKind.Unavailable,
                    $"Fewer than {needed} of {current.Placed} replicas answered in time."
                )
                : OutcomeOf(batch.Operations[at[i]], newest[i]);
        }
    }

    private static int WriteQuorumOf(ConsistencyLevel level, Peers current) =>
        level switch
        {
            ConsistencyLevel.One or ConsistencyLevel.Eventual => 1,
            ConsistencyLevel.All => current.Placed,
            _ => QuorumSizes.Of(current.Map!.Settings, current.Placed).Write,
        };

    private static int ReadQuorumOf(ConsistencyLevel level, Peers current) =>
        level switch
        {
            ConsistencyLevel.One or ConsistencyLevel.Eventual => 1,
            ConsistencyLevel.All => current.Placed,
            _ => QuorumSizes.Of(current.Map!.Settings, current.Placed).Read,
        };

    private static StampedEntry Stamped(Operation operation, VersionStamp stamp, in CommandRules rules)
    {
        var stampMs = HybridClock.MillisecondsOf(stamp.Revision);
        var ttlMs = operation.Kind == OperationKind.Put ? rules.TtlMsOf(operation) : 0;
        return new()
        {
            Key = operation.Key,
            Version = stamp,
            Tombstone = operation.Kind == OperationKind.Delete,
            Value = operation.Value,
            ContentType = operation.ContentType,
            ModifiedMs = stampMs,
            ExpiresMs = ttlMs == 0 ? 0 : stampMs + ttlMs,
        };
    }

    private static OperationOutcome OutcomeOf(
        StampedEntry entry,
        bool existed,
        OutcomeKind kind,
        string? detail,
        int acknowledged
    ) =>
        new()
        {
            Kind = kind,
            Version = entry.Version,
            Changed = entry.Tombstone == existed,
            Detail = detail,
            Acknowledged = acknowledged,
        };

    private OperationOutcome OutcomeOf(Operation operation, StampedEntry entry)
    {
        var stored = StampedCodec.ToStored(entry);
        return entry.Version.IsNone || !stored.IsLive(NowMs)
            ? OperationOutcome.NotFound
            : ReplicaReads.OutcomeOf(stored, operation.Kind == OperationKind.Get);
    }
}
