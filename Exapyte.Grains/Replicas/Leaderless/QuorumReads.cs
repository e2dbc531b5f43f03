using Exapyte.Operations;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>
/// Reads keys from R replicas: this one's copy, where it counts, and the first peers that answer. The newest stamp wins, and
/// it is answered once R replicas hold it: those that lag are repaired first, so that a later read cannot see the older
/// value again. One that cannot be repaired counts for nothing, and another one that answered takes its place.
/// </summary>
internal sealed class QuorumReads(ReplicaContext context)
{
    private readonly LocalCopy local = context.Local;

    /// <summary>The newest entry of each key; null where fewer than that many replicas could be brought to hold it.</summary>
    /// <param name="keys">The keys.</param>
    /// <param name="current">The map and the other replicas.</param>
    /// <param name="needed">Replicas that must hold what is answered.</param>
    /// <param name="selfCounts">Whether this replica may be one of them.</param>
    /// <param name="milliseconds">For how long the others are awaited.</param>
    /// <param name="holders">Replicas that must be among those whose entries are compared.</param>
    public async ValueTask<StampedEntry[]?> Read(
        ReadOnlyMemory<byte>[] keys,
        ShardPeers current,
        int needed,
        bool selfCounts,
        long milliseconds,
        long[] holders
    )
    {
        var own = Array.ConvertAll(keys, local.Read);
        if (needed <= 1 && selfCounts && holders.Length == 0)
        {
            return own;
        }
        using var late = new CancellationTokenSource(
            TimeSpan.FromMilliseconds(Math.Max(1, milliseconds)),
            context.Node.Time
        );
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.Stop);
        var request = new LocalReadRequest
        {
            Keys = keys,
            FromReplicaId = context.Identity.ReplicaId,
            MapEpoch = current.Epoch,
        };
        var read = new QuorumRead(local, request, own, selfCounts, needed, holders);
        try
        {
            var newest = await read.Run(current.Counting, ended.Token);
            foreach (var entry in newest ?? [])
            {
                // Whoever read it may write next, through this node too: that write must win over what was read.
                context.Node.Clock.Observe(entry.Version.Revision);
            }
            return newest;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }
}

/// <summary>One quorum read under way. Used once.</summary>
internal sealed class QuorumRead(
    LocalCopy local,
    LocalReadRequest request,
    StampedEntry[] own,
    bool selfCounts,
    int needed,
    long[] holders
)
{
    private readonly List<Replica> replicas = [];
    private StampedEntry[]? newest;

    /// <summary>A replica that answered.</summary>
    /// <param name="id">The replica.</param>
    /// <param name="peer">Its face; null for this one.</param>
    /// <param name="entries">What it holds.</param>
    private sealed class Replica(long id, IShardGrain? peer, StampedEntry[] entries)
    {
        public long Id => id;

        public IShardGrain? Peer => peer;

        public StampedEntry[] Entries { get; set; } = entries;

        public bool IsUnderRepair { get; set; }

        public bool IsGivenUp { get; set; }

        public bool Holds(StampedEntry[] wanted)
        {
            for (var i = 0; i < wanted.Length; i++)
            {
                if (Entries[i].Version < wanted[i].Version)
                {
                    return false;
                }
            }
            return true;
        }
    }

    private readonly record struct Repaired(Replica Replica, bool IsDone);

    /// <summary>Runs it to its end; null where too few replicas are left.</summary>
    public async Task<StampedEntry[]?> Run(ShardPeer[] peers, CancellationToken ended)
    {
        if (selfCounts)
        {
            replicas.Add(new(request.FromReplicaId, null, own));
        }
        List<Task> pending = [.. peers.Select(Ask)];
        while (true)
        {
            if (replicas.Count >= needed && Array.TrueForAll(holders, HasAnswered))
            {
                // What any R replicas hold decides; who answers later can only take the place of one that failed.
                newest ??= Newest();
                if (replicas.Count(replica => replica.Holds(newest)) >= needed)
                {
                    return newest;
                }
                pending.AddRange(Repairs());
            }
            if (pending.Count == 0)
            {
                return null;
            }
            var next = await Task.WhenAny(pending).WaitAsync(ended);
            pending.Remove(next);
            await Take(next);
        }
    }

    private bool HasAnswered(long holder) => replicas.Exists(replica => replica.Id == holder);

    private async Task Take(Task next)
    {
        switch (next)
        {
            case Task<Replica?> asked when await asked is { } answered:
                replicas.Add(answered);
                break;
            case Task<Repaired> repair:
                var (replica, isDone) = await repair;
                replica.IsUnderRepair = false;
                replica.IsGivenUp = !isDone;
                replica.Entries = isDone ? newest! : replica.Entries;
                break;
            default:
                break;
        }
    }

    private StampedEntry[] Newest()
    {
        var found = (StampedEntry[])own.Clone();
        foreach (var replica in replicas)
        {
            for (var i = 0; i < found.Length; i++)
            {
                if (replica.Entries[i].Version > found[i].Version)
                {
                    found[i] = replica.Entries[i];
                }
            }
        }
        return found;
    }

    private IEnumerable<Task<Repaired>> Repairs()
    {
        foreach (var replica in replicas)
        {
            if (!replica.IsUnderRepair && !replica.IsGivenUp && !replica.Holds(newest!))
            {
                replica.IsUnderRepair = true;
                yield return Repair(
                    replica,
                    [.. newest!.Where((entry, i) => replica.Entries[i].Version < entry.Version)]
                );
            }
        }
    }

    private async Task<Replica?> Ask(ShardPeer peer)
    {
        try
        {
            var reply = await peer.Grain.ReadLocal(request);
            return reply.Kind == OutcomeKind.Ok && reply.Entries.Length == request.Keys.Length
                ? new(peer.ReplicaId, peer.Grain, reply.Entries)
                : null;
        }
        catch (Exception)
        {
            // A peer that cannot be asked has no answer: another one's counts instead.
            return null;
        }
    }

    private async Task<Repaired> Repair(Replica replica, StampedEntry[] lacking)
    {
        try
        {
            foreach (var part in WireBatches.Of(lacking))
            {
                var kind = replica.Peer is { } peer
                    ? (await peer.Replicate(Push(part))).Kind
                    : (await local.Write(part)).Kind;
                if (kind != OutcomeKind.Ok)
                {
                    return new(replica, IsDone: false);
                }
            }
            return new(replica, IsDone: true);
        }
        catch (Exception)
        {
            // Not repaired, so the read cannot claim that this replica holds what it answers.
            return new(replica, IsDone: false);
        }
    }

    private ReplicateRequest Push(StampedEntry[] entries) =>
        new()
        {
            FromReplicaId = request.FromReplicaId,
            Entries = entries,
            MapEpoch = request.MapEpoch,
        };
}
