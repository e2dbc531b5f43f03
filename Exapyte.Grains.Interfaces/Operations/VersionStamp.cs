using System.Globalization;

namespace Exapyte.Operations;

/// <summary>
/// The version of an entry. In a raft keyspace: the shard's revision at which the entry was written, and the id of the
/// keyspace: a name that was deleted and created again starts at revision 1 again, under another id. In a leaderless
/// keyspace: a hybrid logical clock stamp and the <c>storeId</c> of the node that took it. Ordered by revision, then origin;
/// of one keyspace the greater one is the later one. Its text is what an ETag holds, one form for both kinds.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.version")]
public readonly record struct VersionStamp : IComparable<VersionStamp>
{
    /// <summary>Creates a stamp.</summary>
    public VersionStamp(ulong revision, ulong origin = 0)
    {
        Revision = revision;
        Origin = origin;
    }

    /// <summary>No version: what an absent entry has.</summary>
    public static VersionStamp None => default;

    /// <summary>Shard revision, or clock stamp (48 bits of milliseconds, 16 bits of counter).</summary>
    [Id(0)]
    public ulong Revision { get; init; }

    /// <summary>
    /// The keyspace's id in raft keyspaces, else the <c>storeId</c> of the stamping node. 0 inside of a raft replica, whose
    /// rows are all of one keyspace.
    /// </summary>
    [Id(1)]
    public ulong Origin { get; init; }

    /// <summary>Whether this is the version of an absent entry.</summary>
    public bool IsNone => Revision == 0 && Origin == 0;

    /// <inheritdoc/>
    public int CompareTo(VersionStamp other)
    {
        var byRevision = Revision.CompareTo(other.Revision);
        return byRevision != 0 ? byRevision : Origin.CompareTo(other.Origin);
    }

    /// <summary>Whether <paramref name="left"/> is earlier.</summary>
    public static bool operator <(VersionStamp left, VersionStamp right) => left.CompareTo(right) < 0;

    /// <summary>Whether <paramref name="left"/> is later.</summary>
    public static bool operator >(VersionStamp left, VersionStamp right) => left.CompareTo(right) > 0;

    /// <summary>Whether <paramref name="left"/> is not later.</summary>
    public static bool operator <=(VersionStamp left, VersionStamp right) => left.CompareTo(right) <= 0;

    /// <summary>Whether <paramref name="left"/> is not earlier.</summary>
    public static bool operator >=(VersionStamp left, VersionStamp right) => left.CompareTo(right) >= 0;

    /// <summary><c>hex-hex</c>; <c>17</c> for a bare revision, which is no version of any keyspace.</summary>
    public override string ToString() =>
        Origin == 0
            ? Revision.ToString(CultureInfo.InvariantCulture)
            : string.Create(CultureInfo.InvariantCulture, $"{Revision:x}-{Origin:x}");

    /// <summary>Reads what <see cref="ToString"/> wrote; false for anything else.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out VersionStamp stamp)
    {
        stamp = default;
        var dash = text.IndexOf('-');
        if (dash < 0)
        {
            var isDecimal = ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var revision);
            stamp = new(revision);
            return isDecimal;
        }
        if (
            !ulong.TryParse(text[..dash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var clock)
            || !ulong.TryParse(
                text[(dash + 1)..],
                NumberStyles.AllowHexSpecifier,
                CultureInfo.InvariantCulture,
                out var origin
            )
            || origin == 0
        )
        {
            return false;
        }
        stamp = new(clock, origin);
        return true;
    }
}
