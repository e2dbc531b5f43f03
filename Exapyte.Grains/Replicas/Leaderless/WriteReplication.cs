using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>How a write ended, as the entry that it has become.</summary>
internal readonly record struct ReplicatedWrite(StampedEntry Entry, OutcomeKind Kind, string? Detail, int Acknowledged);

/// <summary>
/// Brings stamped writes to as many replicas as they ask for. One that met a greater stamp on its way is stamped anew over
/// that and pushed again before it is acknowledged: so that one client's writes through two nodes, whose clocks differ, never
/// go backwards. Thread-safe.
/// </summary>
/// <remarks>
/// Whether the greater stamp is that of an earlier write or of one made at the same time cannot be told; after the latter the
/// order is free, so the later stamp is right for both. Once acknowledged a write is never stamped anew: a write that came
/// after it would be undone. So nothing is done for what fewer than a majority acknowledge and the others learn of later.
/// </remarks>
internal sealed class WriteReplication(ReplicaContext context, WriteStamps stamps)
{
    /// <summary>A key that is written all the time can win over a write time and again; after as many nobody can say.</summary>
    private const int RestampsMax = 16;

    /// <summary>Makes entries durable here and pushes them.</summary>
    /// <param name="entries">The entries, stamped.</param>
    /// <param name="isAhead">One of them bears a stamp that is not the clock's: it leaves only once it is durable here.</param>
    /// <param name="current">The map and the other replicas.</param>
    /// <param name="needed">Replicas that must hold them, this one among them.</param>
    /// <param name="deadlineMs">Until when, by <see cref="ReplicaContext.NowMs"/>.</param>
    public async ValueTask<ReplicatedWrite[]> Write(
        StampedEntry[] entries,
        bool isAhead,
        ShardPeers current,
        int needed,
        long deadlineMs
    )
    {
        var results = new ReplicatedWrite[entries.Length];
        var at = Enumerable.Range(0, entries.Length).ToArray();
        for (var round = 0; ; round++)
        {
            var acks = new AckCounter(needed);
            var (kind, detail) = await Round(entries, isAhead, current, acks, needed, deadlineMs);
            if (kind != OutcomeKind.Ok && round > 0)
            {
                // Under its earlier stamp it is stored already, and somebody may have read it.
                kind = OutcomeKind.Unknown;
            }
            for (var i = 0; i < entries.Length; i++)
            {
                results[at[i]] = new(entries[i], kind, detail, acks.Acknowledged);
            }
            if (kind != OutcomeKind.Ok || acks.Winners is not { } winners)
            {
                return results;
            }
            (at, entries, isAhead) = await StampAnew(results, at, winners, round, deadlineMs);
            if (at.Length == 0)
            {
                return results;
            }
        }
    }

    /// <summary>Stamps anew what has lost, at its positions; what cannot be stamped anew is unknown.</summary>
    private async ValueTask<(int[] At, StampedEntry[] Entries, bool IsAhead)> StampAnew(
        ReplicatedWrite[] results,
        int[] at,
        VersionStamp[] winners,
        int round,
        long deadlineMs
    )
    {
        List<int> again = [];
        List<StampedEntry> entries = [];
        var isAhead = false;
        for (var i = 0; i < at.Length; i++)
        {
            var result = results[at[i]];
            if (winners[i] <= result.Entry.Version)
            {
                continue;
            }
            var reading = await stamps.Over(result.Entry.Key, winners[i]);
            if (!reading.IsOk || round == RestampsMax || context.NowMs >= deadlineMs)
            {
                results[at[i]] = result with
                {
                    Kind = OutcomeKind.Unknown,
                    Detail =
                        reading.Detail
                        ?? "Other writes of the key kept winning over this one: it may or may not have been seen.",
                };
                continue;
            }
            isAhead |= reading.IsAhead;
            again.Add(at[i]);
            entries.Add(Restamped(result.Entry, reading));
        }
        return ([.. again], [.. entries], isAhead);
    }

    private async ValueTask<(OutcomeKind Kind, string? Detail)> Round(
        StampedEntry[] entries,
        bool isAhead,
        ShardPeers current,
        AckCounter acks,
        int needed,
        long deadlineMs
    )
    {
        // Where others must have it too, they get it while it is written here.
        var isPushedAtOnce = needed > 1 && !isAhead;
        var written = context.Local.Write(entries, out var index);
        try
        {
            if (isPushedAtOnce)
            {
                Push(entries, current, acks, index);
            }
            var verdict = await written;
            foreach (var entry in entries)
            {
                EndStamp(entry, verdict);
            }
            if (verdict.Kind != OutcomeKind.Ok)
            {
                // Where it was pushed already another replica may hold it: nobody can say that nothing happened.
                return (isPushedAtOnce ? OutcomeKind.Unknown : verdict.Kind, verdict.Detail);
            }
            acks.Add(verdict.Winners);
            if (!isPushedAtOnce)
            {
                Push(entries, current, acks, index);
            }
        }
        finally
        {
            context.Local.HandedOver(index);
        }
        var isHeld = await acks.Wait(context.Node.Time, deadlineMs - context.NowMs, context.Stop);
        if (isHeld && !context.Peers.SelfCounts)
        {
            // Another replica takes the place of this one: it may have copied the others before they had the write.
            return (OutcomeKind.Unknown, "The replica that took the write is being replaced.");
        }
        return isHeld ? (OutcomeKind.Ok, null)
            : context.Stop.IsCancellationRequested
                ? (
                    OutcomeKind.Unknown,
                    $"The replica was stopped after it had stored the write, which {acks.Acknowledged} of {needed} replicas confirmed."
                )
            : (
                OutcomeKind.Unknown,
                $"Only {acks.Acknowledged} of {needed} replicas confirmed the write in time: it may reach the others later."
            );
    }

    /// <summary>What may be durable and is not to be seen yet keeps its stamp from being given out again.</summary>
    private void EndStamp(StampedEntry entry, in LocalVerdict verdict)
    {
        if (verdict.Kind != OutcomeKind.Unknown)
        {
            stamps.Ended(entry);
        }
    }

    private static void Push(StampedEntry[] entries, ShardPeers current, AckCounter acks, ulong index)
    {
        foreach (var peer in current.Others)
        {
            peer.Lane.Enqueue(entries, peer.Counts ? acks : null, index);
        }
    }

    /// <summary>The entry under its new stamp. It ends when it was said to end, whether that was a moment or a lifetime.</summary>
    private static StampedEntry Restamped(StampedEntry entry, in ClockReading reading) =>
        new()
        {
            Key = entry.Key,
            Version = reading.Stamp,
            Tombstone = entry.Tombstone,
            Value = entry.Value,
            ContentType = entry.ContentType,
            ModifiedMs = reading.AtMs,
            ExpiresMs = entry.ExpiresMs,
        };
}
