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
            Replay(group);
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

    /// <summary>What this copy holds for a key, tombstones and expired entries included.</summary>
    public StampedEntry Read(ReadOnlyMemory<byte> key) =>
        Store.TryGet(key.Span, out var entry) ? StampedCodec.FromStored(key, entry) : StampedCodec.Absent(key);

    private void Replay(GroupLog from)
    {
        List<LogRecordEntry> records = [];
        while (Store.AppliedIndex < from.LastIndex)
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
                Merge(entries, record.Index);
            }
        }
    }

    private void Merge(StampedEntry[] entries, ulong? index)
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
        batch.Clear();
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
            verdict = write.Result.IsOk ? MergeLogged(write) : Break(write.Result);
            if (inFlight == 0 && broken.Kind == OutcomeKind.DiskFull)
            {
                broken = LocalVerdict.Ok;
                nextIndex = group!.LastIndex + 1;
            }
        }
        write.End(verdict);
    }

    private LocalVerdict MergeLogged(LocalWrite write)
    {
        try
        {
            Merge(write.Entries, write.Index);
            return LocalVerdict.Ok;
        }
        catch (StoreFullException full)
        {
            batch.Clear();
            return broken = new(OutcomeKind.Unknown, full.Message);
        }
    }

    private LocalVerdict Break(LogAppendResult result)
    {
        var kind = result.Status switch
        {
            LogAppendStatus.DiskFull or LogAppendStatus.Overloaded => OutcomeKind.DiskFull,
            LogAppendStatus.Invalid when broken.Kind == OutcomeKind.DiskFull => OutcomeKind.DiskFull,
            LogAppendStatus.IoError => OutcomeKind.Unknown,
            _ => OutcomeKind.Unavailable,
        };
        broken = new(kind, result.Reason);
        return broken;
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
