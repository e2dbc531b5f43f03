namespace Exapyte.Storage.Stores;

/// <summary>
/// The version of an entry, ordered by <see cref="Revision"/>, then by <see cref="Origin"/>.
/// </summary>
/// <param name="Revision">
/// The shard revision of the write in a Raft shard; in a leaderless shard the hybrid logical clock stamp
/// (48 bits of milliseconds, 16 bits of counter).
/// </param>
/// <param name="Origin">
/// Zero in a Raft shard; in a leaderless shard the store id of the node that stamped the write.
/// </param>
public readonly record struct EntryVersion(ulong Revision, ulong Origin) : IComparable<EntryVersion>
{
    /// <inheritdoc/>
    public int CompareTo(EntryVersion other)
    {
        int byRevision = Revision.CompareTo(other.Revision);
        return byRevision != 0 ? byRevision : Origin.CompareTo(other.Origin);
    }

    /// <summary>Whether the left version is older.</summary>
    public static bool operator <(EntryVersion left, EntryVersion right) => left.CompareTo(right) < 0;

    /// <summary>Whether the left version is newer.</summary>
    public static bool operator >(EntryVersion left, EntryVersion right) => left.CompareTo(right) > 0;

    /// <summary>Whether the left version is older or the same.</summary>
    public static bool operator <=(EntryVersion left, EntryVersion right) => left.CompareTo(right) <= 0;

    /// <summary>Whether the left version is newer or the same.</summary>
    public static bool operator >=(EntryVersion left, EntryVersion right) => left.CompareTo(right) >= 0;
}
