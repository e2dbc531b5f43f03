using System.Buffers;
using System.Globalization;

namespace Exapyte.Topology;

/// <summary>
/// The grain key of a replica: <c>{keyspaceId}/{shardId}/{replicaId}@{node}</c>. What stands behind the <c>@</c> is the
/// node that the grain is pinned to; see <see cref="NodeKey"/>.
/// </summary>
public readonly record struct ReplicaKey(long KeyspaceId, long ShardId, long ReplicaId, string Node)
{
    /// <summary>The grain key.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{KeyspaceId}/{ShardId}/{ReplicaId}@{Node}");

    /// <summary>Reads a grain key; false where it is not one of a replica.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out ReplicaKey key)
    {
        key = default;
        var at = text.IndexOf('@');
        if (at < 0)
        {
            return false;
        }
        Span<Range> parts = stackalloc Range[4];
        var ids = text[..at];
        if (ids.Split(parts, '/') != 3)
        {
            return false;
        }
        if (
            !TryId(ids[parts[0]], out var keyspace)
            || !TryId(ids[parts[1]], out var shard)
            || !TryId(ids[parts[2]], out var replica)
        )
        {
            return false;
        }
        key = new(keyspace, shard, replica, text[(at + 1)..].ToString());
        return true;
    }

    private static bool TryId(ReadOnlySpan<char> text, out long id) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out id);
}

/// <summary>Keys of grains that are pinned to a node: everything behind the last <c>@</c> names the node.</summary>
public static class NodeKey
{
    private static readonly SearchValues<char> IdChars = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789-");

    /// <summary>The key of the node's own grain.</summary>
    public static string Of(string node) => "node@" + node;

    /// <summary>The node id in a pinned grain's key; empty where there is none.</summary>
    public static ReadOnlySpan<char> NodeIn(ReadOnlySpan<char> key)
    {
        var at = key.LastIndexOf('@');
        return at < 0 ? [] : key[(at + 1)..];
    }

    /// <summary>Whether the id is 1 to 63 of <c>a-z 0-9 -</c>, with a letter or digit first and last.</summary>
    public static bool IsNodeId(ReadOnlySpan<char> id) =>
        id.Length is > 0 and <= 63 && id[0] != '-' && id[^1] != '-' && id.IndexOfAnyExcept(IdChars) < 0;
}
