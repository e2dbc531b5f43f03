using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// The changes that a shard keeps for those who watch it: rows of metadata, written in the batch of the change itself and
/// trimmed by log time and a bound of bytes, by rules that look at the replicated state alone, so that all replicas keep the same.
/// </summary>
/// <remarks>
/// Trimming is done in strokes, so that its cost is one deletion a change: nothing goes before the oldest is older than the
/// retention by a sixteenth of it (<see cref="Slack"/>), and then at most <see cref="StrokeRows"/>, or twice what the command
/// wrote, go with each command. Used by one thread at a time.
/// </remarks>
internal sealed class ChangeLog(IShardStore store)
{
    /// <summary>Bytes of rows that a shard keeps at most, but for those of the last command.</summary>
    public const long BytesMax = 64 << 20;

    /// <summary>Rows that a command trims at least, where there is something to trim.</summary>
    public const int StrokeRows = 256;

    private const int Slack = 16;
    private const int RowBytesOnStack = 512;

    /// <summary>The stamp of the oldest row in the store, or an earlier one; null: it is to be looked up.</summary>
    private long? oldestStampMs;
    private ulong trimmedThrough;
    private int added;

    /// <summary>Writes the row of a change in the batch of the change.</summary>
    /// <returns>The state with it.</returns>
    public ShardState Add(StoreBatch batch, in ShardState state, ChangeKind kind, ReadOnlyMemory<byte> key)
    {
        var row = new ChangeRow(state.Revision, 0, kind, state.StampMs, new(state.Revision), key);
        Span<byte> rowKey = stackalloc byte[ChangeRow.KeyBytes];
        ChangeRow.WriteKey(rowKey, row.Revision, row.Ordinal);
        Span<byte> value =
            row.ValueBytes <= RowBytesOnStack ? stackalloc byte[row.ValueBytes] : new byte[row.ValueBytes];
        row.WriteValue(value);
        batch.PutMeta(rowKey, value);
        added++;
        if (oldestStampMs == long.MaxValue)
        {
            oldestStampMs = state.StampMs;
        }
        return state with { ChangeBytes = state.ChangeBytes + row.Bytes };
    }

    /// <summary>Trims what the store held before the batch.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="state">The state that the batch makes.</param>
    /// <param name="retentionMs">How long changes are kept, in milliseconds; 0 or less: not at all.</param>
    /// <returns>The state without what was trimmed.</returns>
    public ShardState Trim(StoreBatch batch, in ShardState state, long retentionMs)
    {
        var after = retentionMs <= 0 ? state with { ChangesAfter = state.Revision } : state;
        if (state.ChangeBytes == 0)
        {
            return after;
        }
        var keptFromMs = state.StampMs - retentionMs;
        var isOver = retentionMs <= 0 || state.ChangeBytes > BytesMax;
        var strokeFromMs = keptFromMs - (retentionMs / Slack);
        if (!isOver && oldestStampMs is { } oldest && oldest >= strokeFromMs)
        {
            return after;
        }
        Span<byte> from = stackalloc byte[ChangeRow.KeyBytes];
        ChangeRow.WriteKey(from, trimmedThrough, uint.MaxValue);
        int rows = 0,
            rowsMax = Math.Max(StrokeRows, 2 * added);
        var bytes = 0L;
        oldestStampMs = long.MaxValue;
        store.ScanMeta(
            [ChangeRow.Prefix],
            (key, value) =>
            {
                var stampMs = ChangeRow.StampOf(value);
                // A stroke begins by what is the oldest; it goes on with all that is too old.
                if (rows == rowsMax || (!isOver && stampMs >= (rows == 0 ? strokeFromMs : keptFromMs)))
                {
                    oldestStampMs = stampMs;
                    return false;
                }
                batch.DeleteMeta(key);
                bytes += key.Length + value.Length;
                trimmedThrough = ChangeRow.RevisionOf(key);
                rows++;
                return true;
            },
            from
        );
        if (added > 0)
        {
            oldestStampMs = Math.Min(oldestStampMs.Value, state.StampMs);
        }
        return rows == 0
            ? after
            : after with
            {
                ChangesAfter = Math.Max(after.ChangesAfter, trimmedThrough),
                ChangeBytes = after.ChangeBytes - bytes,
            };
    }

    /// <summary>The batch with everything added has been applied, or dropped.</summary>
    public void BatchDone() => added = 0;

    /// <summary>The batch was not applied: what it would have trimmed is there.</summary>
    public void BatchFailed()
    {
        oldestStampMs = null;
        trimmedThrough = 0;
    }

    /// <summary>Visits the changes behind a revision that are kept, in order, until the visitor says false.</summary>
    /// <exception cref="StoreDamagedException">A row is damaged.</exception>
    public static void Visit(IShardStore store, ulong after, Func<ChangeRow, bool> visitor)
    {
        Span<byte> from = stackalloc byte[ChangeRow.KeyBytes];
        ChangeRow.WriteKey(from, after, uint.MaxValue);
        store.ScanMeta(
            [ChangeRow.Prefix],
            (key, value) =>
                visitor(
                    ChangeRow.Read(key, value)
                        ?? throw new StoreDamagedException(
                            $"The row of change 0x{Convert.ToHexString(key)} is damaged."
                        )
                ),
            from
        );
    }
}
