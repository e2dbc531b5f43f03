using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// What a command's own earlier writes made of its keys: later operations of the same batch see it before the store does.
/// Empty for the common command of one write.
/// </summary>
internal sealed class WriteOverlay
{
    private readonly Dictionary<ReadOnlyMemory<byte>, StoredEntry?> entries = new(KeyBytesComparer.Instance);

    /// <summary>The entry that this command gave the key; null where it deleted it. False where it did nothing to it.</summary>
    public bool TryGet(ReadOnlyMemory<byte> key, out StoredEntry? entry)
    {
        if (entries.Count == 0)
        {
            entry = null;
            return false;
        }
        return entries.TryGetValue(key, out entry);
    }

    /// <summary>Remembers what the command did to the key.</summary>
    public void Set(ReadOnlyMemory<byte> key, StoredEntry? entry) => entries[key] = entry;

    public void Clear() => entries.Clear();
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
