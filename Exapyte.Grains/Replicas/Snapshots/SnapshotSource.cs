using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// The state of a shard's view at one index, read part by part: its metadata and its entries, as they were when it was opened.
/// One thread at a time; dispose it soon.
/// </summary>
internal sealed class SnapshotSource : IDisposable
{
    private readonly int partBytesMax;
    private readonly IStateScan rows;
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
        rows = machine.Store.ScanState();
    }

    /// <summary>What it is of.</summary>
    public SnapshotHead Head { get; }

    /// <summary>The next part; the last one says so.</summary>
    public SnapshotPart Next()
    {
        List<SnapshotRow> taken = [];
        long bytes = 0;
        while (bytes < partBytesMax)
        {
            if (TakeRow() is not { } row)
            {
                return new(Head, parts++, IsLast: true, [.. taken]);
            }
            taken.Add(row);
            bytes += SnapshotPart.BytesOf(row);
        }
        return new(Head, parts++, IsLast: false, [.. taken]);
    }

    /// <inheritdoc/>
    public void Dispose() => rows.Dispose();

    private SnapshotRow? TakeRow()
    {
        if (!rows.MoveNext())
        {
            return null;
        }
        var key = rows.Key.ToArray();
        return rows.IsMeta
            ? new(true, key, new(default, 0, 0, EntryFlags.None, "", rows.Meta))
            : new SnapshotRow(false, key, rows.Entry);
    }
}
