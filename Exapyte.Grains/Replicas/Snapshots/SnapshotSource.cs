using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// The state of a shard at one index, read part by part: the rows of metadata as they were when it was opened, and a
/// consistent scan of the entries. One thread at a time; dispose it soon.
/// </summary>
internal sealed class SnapshotSource : IDisposable
{
    private readonly int partBytesMax;
    private readonly List<SnapshotRow> meta = [];
    private readonly IStoreScan entries;
    private int metaTaken;
    private int parts;

    /// <summary>Opens the source. Nothing may be applied to the shard meanwhile: the caller is the replica's own loop.</summary>
    /// <param name="machine">The state.</param>
    /// <param name="snapshotId">A number that no other sending has.</param>
    /// <param name="term">Term of the last entry applied.</param>
    /// <param name="configuration">The configuration that holds there.</param>
    /// <param name="partBytesMax">Rows are added to a part until it has so many bytes.</param>
    public SnapshotSource(
        ShardStateMachine machine,
        long snapshotId,
        Term term,
        Configuration configuration,
        int partBytesMax = 512 << 10
    )
    {
        this.partBytesMax = partBytesMax;
        Head = new(snapshotId, machine.Applied.Value, term.Value, ConfigurationCodec.Encode(configuration));
        machine.Store.ScanMeta(
            [],
            (key, value) =>
            {
                meta.Add(new(true, key.ToArray(), new(default, 0, 0, EntryFlags.None, "", value.ToArray())));
                return true;
            }
        );
        entries = machine.Store.Scan(KeyRange.All, reverse: false);
    }

    /// <summary>What it is of.</summary>
    public SnapshotHead Head { get; }

    /// <summary>The next part; the last one says so.</summary>
    public SnapshotPart Next()
    {
        List<SnapshotRow> rows = [];
        long bytes = 0;
        while (bytes < partBytesMax)
        {
            if (TakeRow() is not { } row)
            {
                return new(Head, parts++, IsLast: true, [.. rows]);
            }
            rows.Add(row);
            bytes += SnapshotPart.BytesOf(row);
        }
        return new(Head, parts++, IsLast: false, [.. rows]);
    }

    /// <inheritdoc/>
    public void Dispose() => entries.Dispose();

    private SnapshotRow? TakeRow()
    {
        if (metaTaken < meta.Count)
        {
            return meta[metaTaken++];
        }
        return entries.MoveNext() ? new SnapshotRow(false, entries.CurrentKey.ToArray(), entries.Current) : null;
    }
}
