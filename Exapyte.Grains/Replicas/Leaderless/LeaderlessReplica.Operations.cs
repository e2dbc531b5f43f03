using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
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
        var isAhead = false;
        for (var i = 0; i < outcomes.Length; i++)
        {
            var operation = batch.Operations[i];
            if (outcomes[i] is not null || !operation.IsWrite)
            {
                continue;
            }
            var isHeld = local.Store.TryGetHeader(operation.Key.Span, out var held);
            var reading = await stamps.Over(operation.Key, new(held.Version.Revision, held.Version.Origin));
            if (!reading.IsOk)
            {
                outcomes[i] = OperationOutcome.Of(reading.Kind, reading.Detail!);
                continue;
            }
            isAhead |= reading.IsAhead;
            var acks = WriteQuorumOf(operation.Level, current);
            if (acks > current.Counting.Length + 1)
            {
                outcomes[i] = TooFew(acks, current);
                continue;
            }
            needed = Math.Max(needed, acks);
            entries.Add(Stamped(operation, reading, rules));
            existed.Add(isHeld && held.IsLive(NowMs));
            at.Add(i);
        }
        if (entries.Count > 0)
        {
            var results = await replication.Write([.. entries], isAhead, current, needed, deadlineMs);
            for (var i = 0; i < results.Length; i++)
            {
                outcomes[at[i]] = OutcomeOf(results[i], existed[i]);
            }
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

    private static StampedEntry Stamped(Operation operation, in ClockReading reading, in CommandRules rules)
    {
        var ttlMs = operation.Kind == OperationKind.Put ? rules.TtlMsOf(operation) : 0;
        return new()
        {
            Key = operation.Key,
            Version = reading.Stamp,
            Tombstone = operation.Kind == OperationKind.Delete,
            Value = operation.Value,
            ContentType = operation.ContentType,
            ModifiedMs = reading.AtMs,
            ExpiresMs = ttlMs == 0 ? 0 : reading.AtMs + ttlMs,
        };
    }

    private static OperationOutcome OutcomeOf(in ReplicatedWrite write, bool existed) =>
        new()
        {
            Kind = write.Kind,
            Version = write.Entry.Version,
            Changed = write.Entry.Tombstone == existed,
            ExpiresMs = write.Entry.ExpiresMs,
            Detail = write.Detail,
            Acknowledged = write.Acknowledged,
        };

    private OperationOutcome OutcomeOf(Operation operation, StampedEntry entry)
    {
        var stored = StampedCodec.ToStored(entry);
        return entry.Version.IsNone || !stored.IsLive(NowMs)
            ? OperationOutcome.NotFound
            : ReplicaReads.OutcomeOf(stored, operation.Kind == OperationKind.Get);
    }
}
