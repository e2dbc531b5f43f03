using System.Collections.Frozen;
using System.Text;
using Exapyte.Topology;

namespace Exapyte.Grains.Placement;

/// <summary>
/// Where each node is now: the active member of the cluster that bears the node's id as its name; of several the one
/// with the highest generation, which is the latest to have started. Rebuilt when the membership's version has changed
/// and swapped whole. Thread-safe.
/// </summary>
internal sealed class NodeMap(IClusterMembershipService membership)
{
    private const int KeyBytesOnStack = 256;

    private volatile Snapshot current = Snapshot.Empty;

    /// <summary>The ids of the nodes that are alive now, in order.</summary>
    public IReadOnlyList<string> Alive => Current().Alive;

    /// <summary>Whether the node is alive now.</summary>
    public bool IsAlive(string node) => Current().Nodes.ContainsKey(node);

    /// <summary>How many active members of the cluster bear the name; more than one while an old silo is still counted.</summary>
    public int ActiveMembersNamed(string node)
    {
        var count = 0;
        foreach (var member in membership.CurrentSnapshot.Members.Values)
        {
            count += member.Status == SiloStatus.Active && member.Name == node ? 1 : 0;
        }
        return count;
    }

    /// <summary>
    /// The address of a pinned grain; null where its node is absent. It carries the version of the membership that it
    /// was computed from, by which the runtime's caches drop it once the silo has left a later one.
    /// </summary>
    public GrainAddress? AddressOf(GrainId grain)
    {
        var bytes = grain.Key.AsSpan();
        var chars = bytes.Length <= KeyBytesOnStack ? stackalloc char[KeyBytesOnStack] : new char[bytes.Length];
        var node = NodeKey.NodeIn(chars[..Encoding.UTF8.GetChars(bytes, chars)]);
        var snapshot = Current();
        return snapshot.ByName.TryGetValue(node, out var silo)
            ? new GrainAddress
            {
                GrainId = grain,
                SiloAddress = silo,
                MembershipVersion = snapshot.Version,
            }
            : null;
    }

    /// <summary>The node id in a pinned grain's key; empty where there is none.</summary>
    public static string NodeOf(GrainId grain) => NodeKey.NodeIn(grain.Key.ToString()).ToString();

    private Snapshot Current()
    {
        var seen = membership.CurrentSnapshot;
        var known = current;
        if (ReferenceEquals(seen, known.Source))
        {
            return known;
        }
        // Two threads may build at once; whoever swaps last leaves a map that the next caller checks again.
        return current = Snapshot.Of(seen);
    }

    private sealed class Snapshot
    {
        public static readonly Snapshot Empty = new(null, FrozenDictionary<string, SiloAddress>.Empty);

        private Snapshot(ClusterMembershipSnapshot? source, FrozenDictionary<string, SiloAddress> nodes)
        {
            Source = source;
            Version = source?.Version ?? MembershipVersion.MinValue;
            Nodes = nodes;
            ByName = nodes.GetAlternateLookup<ReadOnlySpan<char>>();
            Alive = [.. nodes.Keys.Order(StringComparer.Ordinal)];
        }

        public ClusterMembershipSnapshot? Source { get; }
        public MembershipVersion Version { get; }
        public FrozenDictionary<string, SiloAddress> Nodes { get; }
        public FrozenDictionary<string, SiloAddress>.AlternateLookup<ReadOnlySpan<char>> ByName { get; }
        public IReadOnlyList<string> Alive { get; }

        public static Snapshot Of(ClusterMembershipSnapshot source)
        {
            Dictionary<string, SiloAddress> nodes = new(StringComparer.Ordinal);
            foreach (var member in source.Members.Values)
            {
                if (member.Status != SiloStatus.Active || member.Name is null)
                {
                    continue;
                }
                if (!nodes.TryGetValue(member.Name, out var other) || IsLater(member.SiloAddress, other))
                {
                    nodes[member.Name] = member.SiloAddress;
                }
            }
            return new(source, nodes.ToFrozenDictionary(StringComparer.Ordinal));
        }

        // Generations count seconds, so two machines can draw the same one: the address decides, everywhere alike.
        private static bool IsLater(SiloAddress one, SiloAddress other) =>
            one.Generation != other.Generation ? one.Generation > other.Generation : one.CompareTo(other) > 0;
    }
}
