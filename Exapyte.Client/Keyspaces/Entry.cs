using Exapyte.Operations;

namespace Exapyte.Client;

/// <summary>An entry as it was read. Immutable.</summary>
/// <typeparam name="T">What its value is read as.</typeparam>
public sealed class Entry<T>
{
    internal Entry(EntryKey key, T value, OperationOutcome read, ServedBy served)
    {
        Key = key;
        Value = value;
        Version = new(read.Version);
        ContentType = read.ContentType;
        ValueBytes = read.ValueBytes;
        Modified = DateTimeOffset.FromUnixTimeMilliseconds(read.ModifiedMs);
        Expires = read.ExpiresMs == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(read.ExpiresMs);
        Served = served;
    }

    /// <summary>The key.</summary>
    public EntryKey Key { get; }

    /// <summary>The value.</summary>
    public T Value { get; }

    /// <summary>The version: give it to a later write as <see cref="WriteOptions.IfVersion"/>.</summary>
    public EntryVersion Version { get; }

    /// <summary>Media type of the value; empty where none was given.</summary>
    public string ContentType { get; }

    /// <summary>Length of the stored value, in bytes.</summary>
    public long ValueBytes { get; }

    /// <summary>When it was last written, to the millisecond.</summary>
    public DateTimeOffset Modified { get; }

    /// <summary>When it ends, to the millisecond; null: never.</summary>
    public DateTimeOffset? Expires { get; }

    /// <summary>What served it, and at which level.</summary>
    public ServedBy Served { get; }
}
