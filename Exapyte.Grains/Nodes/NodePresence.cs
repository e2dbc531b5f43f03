using System.Collections.Concurrent;
using System.Collections.Frozen;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Which nodes were heard of lately. Every batch of messages counts; so that there is one even when all groups sleep,
/// each node sends one empty beat every few ticks to every node it shares groups with. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
/// <param name="silenceMax">How long a node may be silent and count as present.</param>
/// <param name="lostAfter">How long a node must be silent to be out of reach.</param>
internal sealed class NodePresence(TimeProvider time, TimeSpan silenceMax, TimeSpan lostAfter)
{
    private readonly ConcurrentDictionary<string, long> heardAt = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> awaitedSince = new(StringComparer.Ordinal);
    private volatile bool isAnySilent = true;
    private long lookedAt = time.GetTimestamp();
    private long awakeSince = time.GetTimestamp();

    /// <summary>
    /// Whether at the last <see cref="Look"/> any of the peers was silent: while none is, a thousand sleeping groups need not
    /// each look after their leader's node.
    /// </summary>
    public bool IsAnySilent => isAnySilent;

    /// <summary>Something came from the node.</summary>
    public void Heard(string node) => heardAt[node] = time.GetTimestamp();

    /// <summary>Whether the node was heard of within the time in which a leader must be.</summary>
    public bool IsPresent(string node) =>
        heardAt.TryGetValue(node, out var at) && time.GetElapsedTime(at) <= silenceMax;

    /// <summary>
    /// Whether it has been known for the length of two elections that the node does not come through: it is one of those that
    /// are looked for, and nothing came from it in that time, in which this process was awake.
    /// </summary>
    public bool IsOutOfReach(string node)
    {
        if (!awaitedSince.TryGetValue(node, out var since))
        {
            return false;
        }
        var last = Math.Max(since, Math.Max(Volatile.Read(ref awakeSince), heardAt.GetValueOrDefault(node)));
        return time.GetElapsedTime(last) > lostAfter;
    }

    /// <summary>Those of the peers that at the last <see cref="Look"/> had been out of reach for so long.</summary>
    public FrozenSet<string> Lost { get; private set; } = FrozenSet<string>.Empty;

    /// <summary>Looks whether all of these nodes are present. To be called with every tick, by one thread at a time.</summary>
    public void Look(IReadOnlyCollection<string> peers)
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(lookedAt, now) > silenceMax)
        {
            // Who was asleep itself cannot tell who was silent meanwhile.
            Volatile.Write(ref awakeSince, now);
        }
        lookedAt = now;
        var silent = false;
        foreach (var peer in peers)
        {
            awaitedSince.TryAdd(peer, now);
            silent |= !IsPresent(peer);
        }
        if (awaitedSince.Count > peers.Count)
        {
            foreach (var gone in awaitedSince.Keys.Except(peers, StringComparer.Ordinal).ToArray())
            {
                awaitedSince.TryRemove(gone, out _);
            }
        }
        isAnySilent = silent;
        if (silent || Lost.Count > 0)
        {
            Lost = peers.Where(IsOutOfReach).ToFrozenSet(StringComparer.Ordinal);
        }
    }

    /// <summary>The beat: a message for no replica.</summary>
    public static PeerMessage Beat { get; } =
        new()
        {
            ToReplicaId = 0,
            FromReplicaId = 0,
            Kind = PeerMessageKind.Beat,
            Payload = default,
        };
}
