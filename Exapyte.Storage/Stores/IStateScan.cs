namespace Exapyte.Storage.Stores;

/// <summary>
/// A cursor over everything a shard held when it was opened, so that all of it can be judged as of one moment: first the
/// rows of metadata, then the entries, each in the order of their keys. One thread at a time; dispose it soon.
/// </summary>
public interface IStateScan : IDisposable
{
    /// <summary>Moves to the next row. False at the end; damage or an I/O error met on the way throws.</summary>
    bool MoveNext();

    /// <summary>Whether the cursor stands on a row of metadata.</summary>
    bool IsMeta { get; }

    /// <summary>The key at the cursor, valid until the next <see cref="MoveNext"/>.</summary>
    ReadOnlySpan<byte> Key { get; }

    /// <summary>The row of metadata at the cursor; its checksum is verified.</summary>
    ReadOnlyMemory<byte> Meta { get; }

    /// <summary>The entry at the cursor; its checksum is verified.</summary>
    StoredEntry Entry { get; }
}

/// <summary>
/// The state scan of stores that have none of their own: the rows of metadata are copied when it is opened, and nothing
/// may be applied meanwhile.
/// </summary>
internal sealed class CopiedStateScan : IStateScan
{
    readonly List<(byte[] Key, byte[] Value)> _meta = [];
    readonly IStoreScan _entries;
    int _at = -1;

    public CopiedStateScan(IShardStore store)
    {
        store.ScanMeta(
            [],
            (key, value) =>
            {
                _meta.Add((key.ToArray(), value.ToArray()));
                return true;
            }
        );
        _entries = store.Scan(KeyRange.All, reverse: false);
    }

    public bool IsMeta => _at >= 0 && _at < _meta.Count;

    public ReadOnlySpan<byte> Key => IsMeta ? _meta[_at].Key : _entries.CurrentKey;

    public ReadOnlyMemory<byte> Meta =>
        IsMeta ? _meta[_at].Value : throw new InvalidOperationException("The scan stands on no row of metadata.");

    public StoredEntry Entry =>
        IsMeta ? throw new InvalidOperationException("The scan stands on no entry.") : _entries.Current;

    public bool MoveNext() => ++_at < _meta.Count || _entries.MoveNext();

    public void Dispose() => _entries.Dispose();
}
