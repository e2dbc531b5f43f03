using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Reads keys from R replicas: this one's copy, where it counts, and the first peers that answer. The newest stamp wins; replicas
/// that lag are repaired before the caller is answered, so that a later read cannot see the older value again.
/// </summary>
internal sealed class QuorumReads(LocalCopy local, TimeProvider time)
{
    /// <summary>One replica's answers.</summary>
    private readonly record struct Answer(IShardGrain Peer, StampedEntry[] Entries);

    /// <summary>The newest entry of each key among the replicas asked; null where too few answered in time.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="peers">The other replicas that may be asked.</param>
    /// <param name="needed">How many of them must answer.</param>
    /// <param name="asking">The id of the asking replica.</param>
    /// <param name="mapEpoch">The epoch of the map by which it asks.</param>
    /// <param name="milliseconds">For how long their answers are awaited.</param>
    public async ValueTask<StampedEntry[]?> Read(
        ReadOnlyMemory<byte>[] keys,
        IReadOnlyList<IShardGrain> peers,
        int needed,
        long asking,
        long mapEpoch,
        long milliseconds
    )
    {
        var newest = Array.ConvertAll(keys, local.Read);
        if (needed <= 0)
        {
            return newest;
        }
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(Math.Max(1, milliseconds)), time);
        var request = new LocalReadRequest
        {
            Keys = keys,
            FromReplicaId = asking,
            MapEpoch = mapEpoch,
        };
        var answers = await Ask(request, peers, needed, deadline.Token);
        if (answers is null)
        {
            return null;
        }
        foreach (var answer in answers)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                if (answer.Entries[i].Version > newest[i].Version)
                {
                    newest[i] = answer.Entries[i];
                }
            }
        }
        return await Repair(newest, answers, request, deadline.Token) ? newest : null;
    }

    private static async ValueTask<List<Answer>?> Ask(
        LocalReadRequest request,
        IReadOnlyList<IShardGrain> peers,
        int needed,
        CancellationToken deadline
    )
    {
        var asked = peers.Select(peer => AskOne(peer, request)).ToList();
        List<Answer> answers = [];
        while (answers.Count < needed && asked.Count > 0)
        {
            try
            {
                var ended = await Task.WhenAny(asked).WaitAsync(deadline);
                asked.Remove(ended);
                if (await ended is { } answer && answer.Entries.Length == request.Keys.Length)
                {
                    answers.Add(answer);
                }
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
        return answers.Count < needed ? null : answers;
    }

    private static async Task<Answer?> AskOne(IShardGrain peer, LocalReadRequest request)
    {
        try
        {
            var reply = await peer.ReadLocal(request);
            return reply.Kind == OutcomeKind.Ok ? new Answer(peer, reply.Entries) : null;
        }
        catch (Exception)
        {
            // A peer that cannot be asked has no answer: another one's counts instead.
            return null;
        }
    }

    /// <summary>Brings the replicas that answered up to the newest entries; false where that did not succeed in time.</summary>
    private async ValueTask<bool> Repair(
        StampedEntry[] newest,
        List<Answer> answers,
        LocalReadRequest request,
        CancellationToken deadline
    )
    {
        List<Task<bool>> repairs = [];
        StampedEntry[] missing =
        [
            .. newest.Where(entry => !entry.Version.IsNone && local.Read(entry.Key).Version < entry.Version),
        ];
        if (missing.Length > 0)
        {
            repairs.Add(RepairLocal(missing));
        }
        foreach (var answer in answers)
        {
            StampedEntry[] lacking = [.. newest.Where((entry, i) => answer.Entries[i].Version < entry.Version)];
            if (lacking.Length > 0)
            {
                repairs.Add(RepairPeer(answer.Peer, lacking, request));
            }
        }
        if (repairs.Count == 0)
        {
            return true;
        }
        try
        {
            var results = await Task.WhenAll(repairs).WaitAsync(deadline);
            return Array.TrueForAll(results, repaired => repaired);
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    private async Task<bool> RepairLocal(StampedEntry[] entries)
    {
        foreach (var part in WireBatches.Of(entries))
        {
            if ((await local.Write(part)).Kind != OutcomeKind.Ok)
            {
                return false;
            }
        }
        return true;
    }

    private static async Task<bool> RepairPeer(IShardGrain peer, StampedEntry[] entries, LocalReadRequest request)
    {
        try
        {
            foreach (var part in WireBatches.Of(entries))
            {
                var reply = await peer.Replicate(
                    new()
                    {
                        FromReplicaId = request.FromReplicaId,
                        Entries = part,
                        MapEpoch = request.MapEpoch,
                    }
                );
                if (reply.Kind != OutcomeKind.Ok)
                {
                    return false;
                }
            }
            return true;
        }
        catch (Exception)
        {
            // Not repaired, so the read cannot claim that R replicas hold what it answers.
            return false;
        }
    }
}
