using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// Takes the parts of a snapshot, in order, into a store of their own beside the replica's present one. A part that came
/// before is answered with the one that is wanted; a new snapshot drops the one before. Used by one thread at a time, but
/// for <see cref="Prefix"/>, which any may read.
/// </summary>
/// <param name="openShard">Opens the store of a prefix.</param>
/// <param name="giveUp">Takes a prefix that is not used any more, to be deleted later.</param>
/// <param name="issuePrefix">Issues a prefix that was never used.</param>
internal sealed class SnapshotReceiver(
    Func<ulong, IShardStore> openShard,
    Action<ulong> giveUp,
    Func<ulong> issuePrefix
)
{
    private volatile Reception? current;

    /// <summary>Where the parts of a snapshot under way are; null while there is none.</summary>
    public ulong? Prefix => current?.Prefix;

    /// <summary>A snapshot whose parts have all arrived.</summary>
    /// <param name="Head">What it is of.</param>
    /// <param name="Prefix">Where it is in the node's store.</param>
    /// <param name="Store">The store, not yet flushed.</param>
    public sealed record Received(SnapshotHead Head, ulong Prefix, IShardStore Store);

    private sealed class Reception(SnapshotHead head, ulong prefix, IShardStore store)
    {
        public SnapshotHead Head => head;

        public ulong Prefix => prefix;

        public IShardStore Store => store;

        public int NextPart { get; set; }

        public bool IsWhole { get; set; }
    }

    /// <summary>Takes a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="received">The whole snapshot, once: with its last part.</param>
    /// <returns>The part that is wanted next.</returns>
    /// <exception cref="StoreFullException">The store has no space for it: drop what was received.</exception>
    public int Take(SnapshotPart part, out Received? received)
    {
        received = null;
        if (current is not { } reception || reception.Head.SnapshotId != part.Head.SnapshotId)
        {
            Drop();
            var prefix = issuePrefix();
            current = reception = new(part.Head, prefix, openShard(prefix));
        }
        if (part.Number != reception.NextPart || reception.IsWhole)
        {
            return reception.NextPart;
        }
        Write(reception.Store, part);
        reception.NextPart++;
        if (part.IsLast)
        {
            reception.IsWhole = true;
            received = new(reception.Head, reception.Prefix, reception.Store);
        }
        return reception.NextPart;
    }

    /// <summary>Whether a snapshot that was received whole is still here: another one may have taken its place.</summary>
    public bool Holds(Received received) => current?.Prefix == received.Prefix;

    /// <summary>The received snapshot is the replica's state now.</summary>
    public void Installed() => current = null;

    /// <summary>Drops what was received and not installed.</summary>
    public void Drop()
    {
        if (current is { } dropped)
        {
            current = null;
            giveUp(dropped.Prefix);
        }
    }

    private static void Write(IShardStore store, SnapshotPart part)
    {
        var batch = store.NewBatch();
        foreach (ref readonly var row in part.Rows.AsSpan())
        {
            if (row.IsMeta)
            {
                batch.PutMeta(row.Key.Span, row.Entry.Value.Span);
            }
            else
            {
                batch.Put(row.Key.Span, row.Entry);
            }
        }
        if (part.IsLast)
        {
            batch.AppliedIndex = part.Head.Index;
        }
        store.Apply(batch);
    }
}
