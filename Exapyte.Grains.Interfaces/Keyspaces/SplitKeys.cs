using System.Buffers.Text;
using System.Text;
using System.Text.Unicode;

namespace Exapyte.Keyspaces;

/// <summary>
/// Keys at which the shards of a range keyspace begin, but for the first, which begins before every key: n keys part the
/// keys into n + 1 shards. Equal to others with the same keys. Immutable.
/// </summary>
[GenerateSerializer, Immutable, Alias("exapyte.split-keys")]
public sealed record SplitKeys
{
    private const int ShownMax = 5;

    /// <summary>The keys, ascending; see <see cref="KeyspaceRules"/>. They are not changed any more.</summary>
    [Id(0)]
    public required byte[][] Keys { get; init; }

    /// <summary>Split keys that are text, as their UTF-8 bytes.</summary>
    public static SplitKeys Of(params string[] keys) => new() { Keys = Array.ConvertAll(keys, Encoding.UTF8.GetBytes) };

    /// <summary>The bounds of a map's shards as they are now; null where there is but one.</summary>
    public static SplitKeys? Of(KeyspaceMap map)
    {
        ArgumentNullException.ThrowIfNull(map);
        return map.IsRange && map.Shards.Length > 1
            ? new() { Keys = [.. map.Shards.Skip(1).Select(shard => shard.Start)] }
            : null;
    }

    /// <inheritdoc/>
    public bool Equals(SplitKeys? other) =>
        other is not null
        && Keys.Length == other.Keys.Length
        && Keys.Zip(other.Keys).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second));

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var key in Keys)
        {
            hash.AddBytes(key);
        }
        return hash.ToHashCode();
    }

    /// <summary>The first few for a person: text where they are, else base64url.</summary>
    public override string ToString() =>
        string.Join(
            ", ",
            Keys.Take(ShownMax)
                .Select(key => Utf8.IsValid(key) ? Encoding.UTF8.GetString(key) : Base64Url.EncodeToString(key))
        ) + (Keys.Length > ShownMax ? $" and {Keys.Length - ShownMax} more" : "");
}
