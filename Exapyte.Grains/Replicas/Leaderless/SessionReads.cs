using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Reads of sessions. This replica answers by itself where it holds what the session has seen; else it merges what it has with
/// what enough others have, those among them that are known to hold it. Without anything seen it is a read of one. Thread-safe.
/// </summary>
/// <remarks>
/// A session has seen stamps up to a greatest one, at certain replicas (<see cref="SessionMark"/>). A replica never goes back, so
/// one that the session has seen still holds all of that. Any other holds it for a key whose entry bears that stamp or a later
/// one; for the rest nothing but to ask those replicas is sure, for writes come in no order of their stamps.
/// </remarks>
internal sealed class SessionReads(ReplicaContext context, CopyIn copy, QuorumReads quorumReads, ShardListings listings)
{
    /// <summary>What has to take part in a merge.</summary>
    /// <param name="Needed">Replicas.</param>
    /// <param name="Holders">Those that must be among them, in order.</param>
    private sealed record Merge(int Needed, long[] Holders)
    {
        public string Name => $"{Needed}/{string.Join('/', Holders)}";
    }

    /// <summary>Runs the batch's reads at these positions and fills in their outcomes.</summary>
    public async Task Run(
        OperationBatch batch,
        List<int> at,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        List<(int At, Merge Merge)> merged = [];
        foreach (var i in at)
        {
            var operation = batch.Operations[i];
            var marks = MarksOf(operation);
            var held = context.Local.Read(operation.Key);
            if (Array.TrueForAll(marks, mark => IsOwn(mark) || mark.Revision <= held.Version.Revision))
            {
                outcomes[i] = OutcomeOf(operation, held, heldBy: 1);
            }
            else
            {
                merged.Add((i, MergeOf(marks, current)));
            }
        }
        // What one session has seen is nothing to another.
        await Task.WhenAll(
            merged
                .GroupBy(read => read.Merge.Name)
                .Select(group =>
                    Run(batch, [.. group.Select(read => read.At)], group.First().Merge, outcomes, current, deadlineMs)
                )
        );
    }

    /// <summary>Reads a page.</summary>
    public async ValueTask<ScanReply> Scan(ScanRequest request, ShardPeers current)
    {
        var marks = request.Session ?? [];
        if (Array.TrueForAll(marks, IsOwn))
        {
            return ReplicaReads.Scan(context.Local.Store, request, context.NowMs) with { HeldBy = 1 };
        }
        var merge = MergeOf(marks, current);
        return await listings.Read(request, current, merge.Needed, merge.Holders) with { HeldBy = merge.Needed };
    }

    private async Task Run(
        OperationBatch batch,
        List<int> at,
        Merge merge,
        OperationOutcome?[] outcomes,
        ShardPeers current,
        long deadlineMs
    )
    {
        var selfCounts = !copy.IsRefilling;
        var refusal = Refusal(merge, current, selfCounts);
        var newest = refusal is not null
            ? null
            : await quorumReads.Read(
                [.. at.Select(i => batch.Operations[i].Key)],
                current,
                merge.Needed,
                selfCounts,
                deadlineMs - context.NowMs,
                merge.Holders
            );
        refusal ??= OperationOutcome.Of(
            OutcomeKind.Unavailable,
            "The replicas that hold what the session has seen did not answer in time."
        );
        for (var n = 0; n < at.Count; n++)
        {
            outcomes[at[n]] = newest is null ? refusal : OutcomeOf(batch.Operations[at[n]], newest[n], merge.Needed);
        }
    }

    private OperationOutcome? Refusal(Merge merge, ShardPeers current, bool selfCounts)
    {
        var inReach = context.InReach(current, selfCounts);
        if (merge.Needed > inReach)
        {
            return context.TooFew(merge.Needed, inReach, current);
        }
        var away = Array.Find(
            current.Counting,
            peer => merge.Holders.Contains(peer.ReplicaId) && !context.Node.IsInReach(peer.Placed.Node)
        );
        return away is null
            ? null
            : OperationOutcome.Of(
                OutcomeKind.Unavailable,
                $"The session has seen what node {away.Placed.Node} holds, which is not in reach. Try again later, or read at "
                    + "another level."
            );
    }

    /// <summary>Whether this replica has answered it before, or nothing less.</summary>
    private bool IsOwn(SessionMark mark) => mark.ReplicaId == context.Identity.ReplicaId && !copy.IsRefilling;

    private Merge MergeOf(SessionMark[] marks, ShardPeers current)
    {
        var needed = ConsistencyPolicy.SessionReplicas(current.Map!.Settings, current.Counted);
        List<long> holders = [];
        foreach (var mark in marks)
        {
            if (mark.ReplicaId == 0 || IsOwn(mark))
            {
                continue;
            }
            if (Array.Exists(current.Counting, peer => peer.ReplicaId == mark.ReplicaId))
            {
                holders.Add(mark.ReplicaId);
            }
            else
            {
                // One that is gone has passed on what it had, to whom is not known.
                needed = current.Counted;
            }
        }
        holders.Sort();
        return new(needed, [.. holders]);
    }

    /// <summary>What the session has seen; a version alone says nothing of who holds it.</summary>
    private static SessionMark[] MarksOf(Operation operation) =>
        operation.SessionVersion.IsNone
            ? operation.Session ?? []
            : [.. operation.Session ?? [], new(SessionMark.AnyReplica, operation.SessionVersion.Revision)];

    private OperationOutcome OutcomeOf(Operation operation, StampedEntry entry, int heldBy)
    {
        var stored = StampedCodec.ToStored(entry);
        if (entry.Version.IsNone || !stored.IsLive(context.NowMs))
        {
            // Of a deleted entry too the session has seen a stamp.
            return new()
            {
                Kind = OutcomeKind.NotFound,
                Version = entry.Version,
                Acknowledged = heldBy,
            };
        }
        return ReplicaReads.OutcomeOf(stored, operation.Kind == OperationKind.Get, heldBy: heldBy);
    }
}
