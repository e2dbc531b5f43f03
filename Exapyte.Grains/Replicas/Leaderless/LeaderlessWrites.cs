using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Writes of clients: stamps them, has them brought to as many replicas as each of them asks for, and gives each its own
/// outcome. No two of one call are of one key. Thread-safe.
/// </summary>
internal sealed class LeaderlessWrites
{
    private static readonly OperationOutcome TooLate = OperationOutcome.Of(
        OutcomeKind.DeadlineExceeded,
        "The time ran out before the write could begin; nothing changed."
    );

    private readonly ReplicaContext context;
    private readonly NodeServices node;
    private readonly LocalCopy local;
    private readonly WriteStamps stamps;
    private readonly WriteReplication replication;

    public LeaderlessWrites(ReplicaContext context)
    {
        this.context = context;
        node = context.Node;
        local = context.Local;
        stamps = new(node.Clock, HeldRevision);
        replication = new(context, stamps);
    }

    private ulong HeldRevision(ReadOnlyMemory<byte> key) =>
        local.Store.TryGetHeader(key.Span, out var held) ? held.Version.Revision : 0;

    /// <summary>A write that is to be done.</summary>
    private readonly record struct Planned(int At, int Needed, StampedEntry Entry, bool IsAhead, bool Existed);

    private long NowMs => context.NowMs;

    /// <summary>Runs the batch's writes at these positions and fills in their outcomes.</summary>
    public async Task Run(
        OperationBatch batch,
        List<int> at,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        if (at.Count == 0)
        {
            return;
        }
        // Before a write is pushed anywhere, so that nothing has happened where it is refused.
        var refusal = NowMs >= deadlineMs ? TooLate : node.RefusalOfWrites(context.Identity.Storage);
        if (refusal is not null)
        {
            at.ForEach(i => outcomes[i] = refusal);
            return;
        }
        var planned = await Plan(batch, at, outcomes, current);
        // Each number of acknowledgements for itself: what one asks for is nothing to another.
        await Task.WhenAll(
            planned
                .GroupBy(write => write.Needed)
                .Select(group => Replicate([.. group], group.Key, outcomes, current, deadlineMs))
        );
    }

    /// <summary>Stamps the writes in their order. What is refused has its outcome, and nothing of it has happened.</summary>
    private async ValueTask<List<Planned>> Plan(
        OperationBatch batch,
        List<int> at,
        OperationOutcome?[] outcomes,
        ShardPeers current
    )
    {
        var settings = current.Map!.Settings;
        var rules = CommandRules.Of(settings);
        var inReach = context.InReach(current, selfCounts: true);
        var quota = await QuotaCheck.Of(context, current.Map, batch, at);
        List<Planned> planned = new(at.Count);
        foreach (var i in at)
        {
            var operation = batch.Operations[i];
            if (ConsistencyPolicy.OfWrite(settings.Replication, operation.Level) is not { } policy)
            {
                outcomes[i] = OperationOutcome.Of(
                    OutcomeKind.Invalid,
                    "Writes of a leaderless keyspace do not take this level."
                );
                continue;
            }
            var needed = policy.WriteReplicas(settings, current.Counted);
            if (needed > 1 && needed > inReach)
            {
                outcomes[i] = context.TooFew(needed, inReach, current);
                continue;
            }
            if (quota?.Refuse(operation) is { } beyond)
            {
                outcomes[i] = beyond;
                continue;
            }
            foreach (var mark in operation.Session ?? [])
            {
                // What the session writes next comes after what it has seen, wherever it goes.
                node.Clock.Observe(mark.Revision);
            }
            var isHeld = local.Store.TryGetHeader(operation.Key.Span, out var held);
            var reading = await stamps.Over(operation.Key, new(held.Version.Revision, held.Version.Origin));
            if (!reading.IsOk)
            {
                outcomes[i] = OperationOutcome.Of(reading.Kind, reading.Detail!);
                continue;
            }
            planned.Add(
                new(i, needed, Stamped(operation, reading, rules), reading.IsAhead, isHeld && held.IsLive(NowMs))
            );
        }
        return planned;
    }

    private async Task Replicate(
        Planned[] planned,
        int needed,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        var results = await replication.Write(
            Array.ConvertAll(planned, write => write.Entry),
            Array.Exists(planned, write => write.IsAhead),
            current,
            needed,
            deadlineMs
        );
        for (var i = 0; i < results.Length; i++)
        {
            outcomes[planned[i].At] = OutcomeOf(results[i], planned[i].Existed);
        }
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

    private static StampedEntry Stamped(Operation operation, in ClockReading reading, in CommandRules rules) =>
        new()
        {
            Key = operation.Key,
            Version = reading.Stamp,
            Tombstone = operation.Kind == OperationKind.Delete,
            Value = operation.Value,
            ContentType = operation.ContentType,
            ModifiedMs = reading.AtMs,
            ExpiresMs = operation.Kind == OperationKind.Put ? rules.ExpiresMsOf(operation, reading.AtMs) : 0,
        };
}
