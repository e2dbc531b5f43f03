using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>What it does for clients: writes and reads by levels.</summary>
internal sealed partial class LeaderlessReplica
{
    private async ValueTask Write(
        OperationBatch batch,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
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
            var acks = WriteQuorumOf(operation.Level, current);
            if (acks > current.Counting.Length + 1)
            {
                outcomes[i] = TooFew(acks, current);
                continue;
            }
            needed = Math.Max(needed, acks);
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
        ShardPeers current,
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
        var isHeld = await acks.Wait(node.Time, deadlineMs - NowMs);
        if (isHeld && !context.Peers.SelfCounts)
        {
            // Another replica takes the place of this one: it may have copied the others before they had the write.
            return (OutcomeKind.Unknown, "The replica that took the write is being replaced.", acks.Acknowledged);
        }
        return isHeld
            ? (OutcomeKind.Ok, null, acks.Acknowledged)
            : (
                OutcomeKind.Unknown,
                $"Only {acks.Acknowledged} of {needed} replicas confirmed the write in time: it may reach the others later.",
                acks.Acknowledged
            );
    }

    private static void Push(StampedEntry[] entries, ShardPeers current, AckCounter acks, ulong index)
    {
        foreach (var peer in current.Others)
        {
            peer.Lane.Enqueue(entries, peer.Counts ? acks : null, index);
        }
    }

    private async ValueTask Read(
        OperationBatch batch,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        List<int> at = [];
        var needed = 0;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (outcomes[i] is not null)
            {
                continue;
            }
            var reads = PeersToAsk(batch.Operations[i].Level, current);
            if (reads <= 0)
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
        var newest = await quorumReads.Read(
            keys,
            current.Readable,
            needed,
            identity.ReplicaId,
            current.Epoch,
            deadlineMs - NowMs
        );
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
                    $"Fewer than {needed} of {current.Counting.Length} other replicas answered in time."
                )
                : OutcomeOf(batch.Operations[at[i]], newest[i]);
        }
    }

    private static int WriteQuorumOf(ConsistencyLevel level, ShardPeers current) =>
        level switch
        {
            ConsistencyLevel.One or ConsistencyLevel.Eventual => 1,
            ConsistencyLevel.All => current.Counted,
            _ => QuorumSizes.Of(current.Map!.Settings, current.Counted).Write,
        };

    private static int ReadQuorumOf(ConsistencyLevel level, ShardPeers current) =>
        level switch
        {
            ConsistencyLevel.One or ConsistencyLevel.Eventual => 1,
            ConsistencyLevel.All => current.Counted,
            _ => QuorumSizes.Of(current.Map!.Settings, current.Counted).Read,
        };

    /// <summary>
    /// How many other replicas a read asks; 0 where it is answered from here. While this one has not everything it should
    /// have it is no part of a quorum, but what is asked for as one replica has it is answered all the same.
    /// </summary>
    private int PeersToAsk(ConsistencyLevel level, ShardPeers current)
    {
        var asks = ReadQuorumOf(level, current);
        var isAsIs =
            level is ConsistencyLevel.One or ConsistencyLevel.Eventual
            || current.Map!.Settings.Replication == ReplicationKind.Async;
        return copy.IsRefilling && !isAsIs ? asks : asks - 1;
    }

    private static OperationOutcome TooFew(int needed, ShardPeers current) =>
        OperationOutcome.Of(
            OutcomeKind.Unavailable,
            $"It takes {needed} replicas, of which there are {current.Counting.Length + 1} until a lost one is replaced."
        );

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
            ExpiresMs = entry.ExpiresMs,
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
