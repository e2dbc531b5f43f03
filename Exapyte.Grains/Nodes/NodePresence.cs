using System.Collections.Concurrent;
using Exapyte.Wire;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// Which nodes were heard of lately. Every batch of messages counts; so that there is one even when all groups sleep,
/// each node sends one empty beat every few ticks to every node it shares groups with. Thread-safe.
/// </summary>
internal sealed class NodePresence(TimeProvider time, TimeSpan silenceMax)
{
    private readonly ConcurrentDictionary<string, long> heardAt = new(StringComparer.Ordinal);
    private volatile bool isAnySilent = true;

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

    /// <summary>Looks whether all of these nodes are present.</summary>
    public void Look(IEnumerable<string> peers) => isAnySilent = !peers.All(IsPresent);

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
