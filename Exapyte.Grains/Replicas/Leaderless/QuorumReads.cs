using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Reads keys from R replicas: this one's copy and the first R - 1 peers that answer. The newest stamp wins; replicas
/// that lag are repaired before the caller is answered, so that a later read cannot see the older value again.
/// </summary>
internal sealed class QuorumReads(LocalCopy local, TimeProvider time)
{
    /// <summary>One replica's answers.</summary>
    private readonly record struct Answer(IShardGrain Peer, StampedEntry[] Entries);

    /// <summary>The newest entry of each key among R replicas; null where fewer than R answered in time.</summary>
    public async ValueTask<StampedEntry[]?> Read(
        ReadOnlyMemory<byte>[] keys,
        IReadOnlyList<IShardGrain> peers,
        int needed,
        long fromReplicaId,
        long milliseconds
    )
    {
        var newest = Array.ConvertAll(keys, local.Read);
        if (needed <= 1)
        {
            return newest;
        }
        using var deadline = new CancellationTokenSource(TimeSpan.FromMilliseconds(Math.Max(1, milliseconds)), time);
        var answers = await Ask(keys, peers, needed - 1, deadline.Token);
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
        return await Repair(newest, answers, fromReplicaId, deadline.Token) ? newest : null;
    }

    private static async ValueTask<List<Answer>?> Ask(
        ReadOnlyMemory<byte>[] keys,
        IReadOnlyList<IShardGrain> peers,
        int needed,
        CancellationToken deadline
    )
    {
        var request = new LocalReadRequest { Keys = keys };
        var asked = peers.Select(peer => AskOne(peer, request)).ToList();
        List<Answer> answers = [];
        while (answers.Count < needed && asked.Count > 0)
        {
            try
            {
                var ended = await Task.WhenAny(asked).WaitAsync(deadline);
                asked.Remove(ended);
                if (await ended is { } answer && answer.Entries.Length == keys.Length)
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
        long fromReplicaId,
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
                repairs.Add(RepairPeer(answer.Peer, lacking, fromReplicaId));
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

    private static async Task<bool> RepairPeer(IShardGrain peer, StampedEntry[] entries, long fromReplicaId)
    {
        try
        {
            foreach (var part in WireBatches.Of(entries))
            {
                var reply = await peer.Replicate(new() { FromReplicaId = fromReplicaId, Entries = part });
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
