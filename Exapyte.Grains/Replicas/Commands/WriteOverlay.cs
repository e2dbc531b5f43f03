using Exapyte.Operations;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// The versions that a command's own earlier writes gave its keys: a later write of the same command sees them before
/// the store does. Empty for the common command in which no key comes twice.
/// </summary>
internal sealed class WriteOverlay
{
    private readonly Dictionary<ReadOnlyMemory<byte>, VersionStamp> versions = new(KeyBytesComparer.Instance);

    /// <summary>The version that this command gave the key; none where it deleted it.</summary>
    public bool TryGet(ReadOnlyMemory<byte> key, out VersionStamp version)
    {
        if (versions.Count == 0)
        {
            version = default;
            return false;
        }
        return versions.TryGetValue(key, out version);
    }

    /// <summary>Remembers what the command did to the key.</summary>
    public void Set(ReadOnlyMemory<byte> key, VersionStamp version) => versions[key] = version;

    public void Clear() => versions.Clear();
}

/// <summary>Keys are equal when their bytes are.</summary>
internal sealed class KeyBytesComparer : IEqualityComparer<ReadOnlyMemory<byte>>
{
    public static readonly KeyBytesComparer Instance = new();

    public bool Equals(ReadOnlyMemory<byte> x, ReadOnlyMemory<byte> y) => x.Span.SequenceEqual(y.Span);

    public int GetHashCode(ReadOnlyMemory<byte> obj)
    {
        var hash = new HashCode();
        hash.AddBytes(obj.Span);
        return hash.ToHashCode();
    }
}
