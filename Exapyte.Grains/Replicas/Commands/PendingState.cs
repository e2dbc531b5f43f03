using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// A shard's state as the entry that is being applied makes it: the store as it is, with what the entry has changed so far over
/// it. All of it goes into the store as one batch, or none of it. Used by one thread at a time.
/// </summary>
internal sealed class PendingState
{
    private readonly IShardStore store;
    private readonly ChangeLog changes;
    private readonly WriteOverlay overlay = new();
    private bool keepsChanges;
    private List<ChangedKey>? changed;

    public PendingState(IShardStore store, in ShardState state)
    {
        this.store = store;
        State = state;
        Batch = store.NewBatch();
        changes = new(store);
        Indexes = new(store);
    }

    /// <summary>The batch.</summary>
    public StoreBatch Batch { get; }

    /// <summary>The shard's indexes.</summary>
    public ShardIndexes Indexes { get; }

    /// <summary>What it is at.</summary>
    public ShardState State { get; private set; }

    /// <summary>Log time, Unix milliseconds.</summary>
    public long StampMs => State.StampMs;

    /// <summary>How many changes there were.</summary>
    public ulong Revision => State.Revision;

    /// <summary>Whether what is changed may be looked at again before it is in the store.</summary>
    public bool IsSeen { get; set; }

    /// <summary>An entry begins: its term and stamp count, and what it changes is told where it is asked for.</summary>
    public void Begin(Term term, long commandStampMs, List<ChangedKey>? changedKeys)
    {
        changed = changedKeys;
        IsSeen = true;
        keepsChanges = false;
        State = State with { Term = term, StampMs = Math.Max(State.StampMs, commandStampMs) };
    }

    /// <summary>Changes are kept for so long, in milliseconds; 0 or less: they are not.</summary>
    public void KeepChanges(long retentionMs) => keepsChanges = retentionMs > 0;

    /// <summary>Finds an entry as it is now, live or not.</summary>
    public bool TryFind(ReadOnlyMemory<byte> key, out StoredEntry entry)
    {
        if (overlay.TryGet(key, out var written))
        {
            entry = written.GetValueOrDefault();
            return written is not null;
        }
        return store.TryGet(key.Span, out entry);
    }

    /// <summary>The same, and without its value unless that is asked for; null where there is none.</summary>
    public StoredEntry? Find(ReadOnlyMemory<byte> key, bool withValue)
    {
        if (overlay.TryGet(key, out var written))
        {
            return written;
        }
        var isThere = withValue ? store.TryGet(key.Span, out var entry) : store.TryGetHeader(key.Span, out entry);
        return isThere ? entry : null;
    }

    /// <summary>Writes an entry: the next change. What had ended there and was not removed yet ends before.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">The entry, of any version.</param>
    /// <param name="replaced">What is there.</param>
    /// <returns>The revision that it got.</returns>
    public ulong Put(ReadOnlyMemory<byte> key, in StoredEntry entry, StoredEntry? replaced)
    {
        if (keepsChanges && replaced?.IsExpired(StampMs) == true)
        {
            AddChange(ChangeKind.Expire, key);
        }
        var revision = AddChange(ChangeKind.Put, key);
        var written = entry with { Version = new(revision, 0) };
        if (Indexes.AreKept)
        {
            Indexes.Replace(Batch, key, Find(key, withValue: true)?.Value, written.Value);
        }
        Batch.Put(key.Span, written, replaced?.ExpiresMs ?? 0);
        if (IsSeen)
        {
            overlay.Set(key, written);
        }
        return revision;
    }

    /// <summary>Removes an entry: the next change.</summary>
    /// <param name="key">The key.</param>
    /// <param name="kind">Why it goes.</param>
    /// <param name="removed">What is there.</param>
    /// <returns>The revision that the change got.</returns>
    public ulong Remove(ReadOnlyMemory<byte> key, ChangeKind kind, in StoredEntry removed)
    {
        var revision = AddChange(kind, key);
        if (Indexes.AreKept)
        {
            Indexes.Replace(Batch, key, Find(key, withValue: true)?.Value, null);
        }
        Batch.Delete(key.Span, removed.ExpiresMs);
        if (IsSeen)
        {
            overlay.Set(key, null);
        }
        return revision;
    }

    /// <summary>Takes back all that an atomic command changed.</summary>
    /// <param name="before">The state before it.</param>
    public void TakeBack(in ShardState before)
    {
        Batch.Clear();
        overlay.Clear();
        changes.BatchDone();
        State = before;
        changed?.Clear();
    }

    /// <summary>Changes of log time before are kept no longer than so many milliseconds.</summary>
    public void TrimChanges(long retentionMs) => State = changes.Trim(Batch, State, retentionMs);

    /// <summary>The batch has been applied, or was dropped.</summary>
    public void End()
    {
        Batch.Clear();
        overlay.Clear();
        changes.BatchDone();
    }

    /// <summary>The batch was not applied.</summary>
    /// <param name="before">The state before the entry.</param>
    public void Failed(in ShardState before)
    {
        State = before;
        changes.BatchFailed();
        Indexes.Failed();
    }

    private ulong AddChange(ChangeKind kind, ReadOnlyMemory<byte> key)
    {
        State = State with { Revision = State.Revision + 1 };
        changed?.Add(new(key, State.Revision));
        if (keepsChanges)
        {
            State = changes.Add(Batch, State, kind, key);
        }
        return State.Revision;
    }
}

/// <summary>A key whose entry was changed, and the shard's revision of that.</summary>
internal readonly record struct ChangedKey(ReadOnlyMemory<byte> Key, ulong Revision);
