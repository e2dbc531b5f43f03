using System.Collections.Concurrent;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>How a local write ended.</summary>
internal readonly record struct LocalVerdict(OutcomeKind Kind, string? Detail)
{
    public static readonly LocalVerdict Ok = new(OutcomeKind.Ok, null);
}

/// <summary>
/// One replica's own copy of a leaderless shard: takes stamped entries, makes them durable in the node log, then merges
/// them into the store, where the greater stamp wins. Thread-safe.
/// </summary>
/// <remarks>
/// Invariants: merged in log order, each log entry in one atomic batch with its index; nothing is answered before it is
/// durable; nothing that is not durable can be read. A copy in memory has no log: it merges at once.
/// </remarks>
internal sealed class LocalCopy
{
    private readonly Lock gate = new();
    private readonly INodeLog? log;
    private readonly GroupLog? group;
    private readonly GroupId groupId;
    private readonly StoreBatch batch;
    private readonly ReplicaMailbox<LocalWrite> merges;
    private ulong nextIndex;
    private int inFlight;
    private LocalVerdict broken = LocalVerdict.Ok;
    private volatile bool isBehind;
    private long superseded;

    /// <summary>Opens the copy and merges what the log holds beyond the store.</summary>
    public LocalCopy(IShardStore store, INodeLog? log, GroupLog? group, GroupId groupId)
    {
        Store = store;
        this.log = log;
        this.group = group;
        this.groupId = groupId;
        batch = store.NewBatch();
        merges = new(int.MaxValue, FinishAll);
        if (group is not null)
        {
            isBehind = true;
            TryCatchUp(group);
            nextIndex = group.LastIndex + 1;
        }
    }

    /// <summary>The store, for reads.</summary>
    public IShardStore Store { get; }

    /// <summary>Entries that lost against a greater stamp.</summary>
    public long Superseded => Volatile.Read(ref superseded);

    /// <summary>Makes the entries durable and merges them.</summary>
    public Task<LocalVerdict> Write(StampedEntry[] entries)
    {
        if (log is null)
        {
            lock (gate)
            {
                Merge(entries, null);
            }
            return Task.FromResult(LocalVerdict.Ok);
        }
        var write = new LocalWrite(this, entries);
        lock (gate)
        {
            if (broken.Kind != OutcomeKind.Unavailable && TryCatchUp(group!) is { } full)
            {
                return Task.FromResult(new LocalVerdict(OutcomeKind.DiskFull, full));
            }
            if (broken.Kind != OutcomeKind.Ok)
            {
                return Task.FromResult(broken);
            }
            inFlight++;
            write.Index = nextIndex++;
            var append = new GroupAppend { Group = groupId, Completion = write };
            append.Entries.Add(new(0, write.Index, 0, StampedCodec.Encode(entries)));
            log.Append(append);
        }
        return write.Completion;
    }

    /// <summary>Merges what found no space in the store before, if there is some again.</summary>
    public void Tick()
    {
        if (!isBehind)
        {
            return;
        }
        lock (gate)
        {
            try
            {
                TryCatchUp(group!);
            }
            catch (Exception failure) when (failure is StoreFailedException or ReplicaFailedException)
            {
                broken = new(OutcomeKind.Unavailable, failure.Message);
                isBehind = false;
            }
        }
    }

    /// <summary>What this copy holds for a key, tombstones and expired entries included.</summary>
    public StampedEntry Read(ReadOnlyMemory<byte> key) =>
        Store.TryGet(key.Span, out var entry) ? StampedCodec.FromStored(key, entry) : StampedCodec.Absent(key);

    /// <summary>
    /// Merges what the log holds beyond the store: after a start, and after the store was full. Why it cannot go on for
    /// now, or null.
    /// </summary>
    /// <exception cref="ReplicaFailedException">The log cannot be read.</exception>
    private string? TryCatchUp(GroupLog from)
    {
        List<LogRecordEntry> records = [];
        while (isBehind && Store.AppliedIndex < from.LastIndex)
        {
            records.Clear();
            var status = from.Read(Store.AppliedIndex + 1, from.LastIndex, 4 << 20, records);
            if (status != LogReadStatus.Ok)
            {
                throw new ReplicaFailedException(
                    $"The log behind entry {Store.AppliedIndex} cannot be read: {status}."
                );
            }
            foreach (var record in records)
            {
                var entries =
                    StampedCodec.Decode(record.Payload)
                    ?? throw new ReplicaFailedException($"Log entry {record.Index} is none that this version knows.");
                try
                {
                    Merge(entries, record.Index);
                }
                catch (StoreFullException full)
                {
                    return full.Message;
                }
            }
        }
        isBehind = false;
        return null;
    }

    private void Merge(StampedEntry[] entries, ulong? index)
    {
        try
        {
            foreach (var entry in InStampOrder(entries))
            {
                var stored = StampedCodec.ToStored(entry);
                if (Store.TryGetHeader(entry.Key.Span, out var current) && current.Version >= stored.Version)
                {
                    superseded++;
                    continue;
                }
                batch.Put(entry.Key.Span, stored);
            }
            batch.AppliedIndex = index;
            Store.Apply(batch);
        }
        finally
        {
            batch.Clear();
        }
    }

    /// <summary>
    /// The entries by rising stamp, so that of two for one key the greater is put last. They usually come that way.
    /// </summary>
    private static StampedEntry[] InStampOrder(StampedEntry[] entries)
    {
        for (var i = 1; i < entries.Length; i++)
        {
            if (entries[i].Version < entries[i - 1].Version)
            {
                return [.. entries.OrderBy(entry => entry.Version)];
            }
        }
        return entries;
    }

    private void Logged(LocalWrite write, LogAppendResult result)
    {
        // On the log's writer thread: the merge is handed to the pool, in order, behind the gate.
        write.Result = result;
        merges.Post(write, inline: false, always: true);
    }

    private void FinishAll(ConcurrentQueue<LocalWrite> writes)
    {
        while (writes.TryDequeue(out var write))
        {
            Finish(write);
        }
    }

    private void Finish(LocalWrite write)
    {
        LocalVerdict verdict;
        lock (gate)
        {
            inFlight--;
            verdict =
                !write.Result.IsOk ? Break(write.Result)
                : broken.Kind == OutcomeKind.Unavailable ? new(OutcomeKind.Unknown, broken.Detail)
                : MergeLogged(write);
            if (inFlight == 0 && broken.Kind == OutcomeKind.DiskFull)
            {
                broken = LocalVerdict.Ok;
                nextIndex = group!.LastIndex + 1;
            }
        }
        write.End(verdict);
    }

    /// <summary>
    /// Merges a durable write. One for which the store has no space is merged from the log later: whoever waits for its
    /// end can only be told that it will be seen some time.
    /// </summary>
    private LocalVerdict MergeLogged(LocalWrite write)
    {
        try
        {
            if (TryCatchUp(group!) is { } waits)
            {
                return new(OutcomeKind.Unknown, waits);
            }
            if (write.Index > Store.AppliedIndex)
            {
                Merge(write.Entries, write.Index);
            }
            return LocalVerdict.Ok;
        }
        catch (StoreFullException full)
        {
            isBehind = true;
            return new(OutcomeKind.Unknown, full.Message);
        }
        catch (Exception failure) when (failure is StoreFailedException or ReplicaFailedException)
        {
            broken = new(OutcomeKind.Unavailable, failure.Message);
            return new(OutcomeKind.Unknown, failure.Message);
        }
    }

    /// <summary>The verdict on a write that the log refused; what comes after it is refused without being tried.</summary>
    private LocalVerdict Break(LogAppendResult result)
    {
        var isOfSpace = result.Status switch
        {
            LogAppendStatus.DiskFull or LogAppendStatus.Overloaded => true,
            LogAppendStatus.Invalid => broken.Kind == OutcomeKind.DiskFull,
            _ => false,
        };
        broken = new(isOfSpace ? OutcomeKind.DiskFull : OutcomeKind.Unavailable, result.Reason);
        return result.Status == LogAppendStatus.IoError ? new(OutcomeKind.Unknown, result.Reason) : broken;
    }

    private sealed class LocalWrite(LocalCopy owner, StampedEntry[] entries) : ILogCompletion
    {
        private readonly TaskCompletionSource<LocalVerdict> ended = new(
            TaskCreationOptions.RunContinuationsAsynchronously
        );

        public StampedEntry[] Entries => entries;

        public ulong Index { get; set; }

        public LogAppendResult Result { get; set; }

        public Task<LocalVerdict> Completion => ended.Task;

        public void Complete(LogAppendResult result) => owner.Logged(this, result);

        public void End(LocalVerdict verdict) => ended.TrySetResult(verdict);
    }
}
