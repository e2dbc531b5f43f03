using System.Collections.Concurrent;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Operations;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Leaderless;

/// <summary>How a local write ended.</summary>
internal readonly record struct LocalVerdict(OutcomeKind Kind, string? Detail)
{
    public static readonly LocalVerdict Ok = new(OutcomeKind.Ok, null);

    /// <summary>
    /// One an entry, in the order in which they were written: the greater stamp that it lost to, none where it did not; null
    /// where none lost.
    /// </summary>
    public VersionStamp[]? Winners { get; init; }
}

/// <summary>
/// One replica's own copy of a leaderless shard: takes stamped entries, makes them durable in the node log, then merges
/// them into the store, where the greater stamp wins. Thread-safe.
/// </summary>
/// <remarks>
/// Invariants: merged in log order, each log entry in one atomic batch with its index; nothing is answered before it is
/// durable; nothing that is not durable can be read. A copy in memory has no log: it merges at once.
/// What passes (no space, a full queue) refuses writes until everything in flight has ended, for behind a write that was
/// not logged the indexes leave a gap; what was logged and found the store full is held and merged first. What does not
/// pass (a failed disk, a store that cannot be written) stops writes for good; reads go on.
/// </remarks>
internal sealed class LocalCopy
{
    private readonly Lock gate = new();
    private readonly INodeLog? log;
    private readonly GroupLog? group;
    private readonly GroupId groupId;
    private readonly StoreMerge merge;
    private readonly ReplicaMailbox<LocalWrite> merges;
    private readonly Queue<LocalWrite> unmerged = new();
    private readonly SortedSet<ulong> unpushed = [];
    private ulong nextIndex;
    private int inFlight;
    private LocalVerdict refusal = LocalVerdict.Ok;
    private bool isReplayed;
    private volatile string failure = "";

    /// <summary>Opens the copy and merges what the log holds beyond the store, the rest once a full store takes it.</summary>
    /// <exception cref="ReplicaFailedException">Log and store do not fit together, or the log cannot be read.</exception>
    public LocalCopy(IShardStore store, INodeLog? log, GroupLog? group, GroupId groupId)
    {
        Store = store;
        this.log = log;
        this.group = group;
        this.groupId = groupId;
        merge = new(store);
        merges = new(int.MaxValue, FinishAll);
        if (group is not null)
        {
            try
            {
                Replay(group);
            }
            catch (StoreFullException full)
            {
                refusal = new(OutcomeKind.DiskFull, full.Message);
            }
            nextIndex = group.LastIndex + 1;
        }
    }

    /// <summary>The store, for reads.</summary>
    public IShardStore Store { get; }

    /// <summary>The copy's part of the node's log; null for a copy in memory.</summary>
    public GroupLog? Log => group;

    /// <summary>Entries that lost against a greater stamp; one that comes again is not counted.</summary>
    public long Superseded => merge.Superseded;

    /// <summary>What it holds, where the keyspace has a quota.</summary>
    public ShardUsage Usage => merge.Usage;

    /// <summary>Why nothing can be written any more; empty while all is well.</summary>
    public string Failure => failure;

    /// <summary>What in the store was found damaged while writing; null where nothing was.</summary>
    public StoreDamagedException? Damage { get; private set; }

    /// <summary>
    /// Called with what was merged before whoever wrote it is answered, and whether it was stamped here. It must neither wait
    /// nor throw.
    /// </summary>
    public Action<StampedEntry[], bool>? Merged { get; set; }

    /// <summary>
    /// The lowest log index among the writes that were stamped here and not yet handed to those who push them; null where
    /// there is none. Nothing at or behind it may count as pushed, however long whoever wrote it takes.
    /// </summary>
    public ulong? OldestUnpushed
    {
        get
        {
            lock (gate)
            {
                return unpushed.Count > 0 ? unpushed.Min : null;
            }
        }
    }

    /// <summary>Makes what another replica stamped durable and merges it. Never throws for a disk's sake.</summary>
    public Task<LocalVerdict> Write(StampedEntry[] entries) => Write(entries, isOwn: false, out _);

    /// <summary>Makes entries that were stamped here durable and merges them. Never throws for a disk's sake.</summary>
    /// <param name="entries">The entries.</param>
    /// <param name="index">
    /// Their index in the log; 0 where they are in none. <see cref="HandedOver"/> must follow once they are pushed, or are not
    /// going to be.
    /// </param>
    /// <returns>How it ended.</returns>
    public Task<LocalVerdict> Write(StampedEntry[] entries, out ulong index) => Write(entries, isOwn: true, out index);

    /// <summary>Whoever pushes it knows of the write from now on, or it was refused.</summary>
    public void HandedOver(ulong index)
    {
        lock (gate)
        {
            unpushed.Remove(index);
        }
    }

    private Task<LocalVerdict> Write(StampedEntry[] entries, bool isOwn, out ulong index)
    {
        index = 0;
        if (log is null)
        {
            lock (gate)
            {
                var winners = merge.Run(entries, null);
                Merged?.Invoke(entries, isOwn);
                return Task.FromResult(LocalVerdict.Ok with { Winners = winners });
            }
        }
        var write = new LocalWrite(this, entries, isOwn);
        lock (gate)
        {
            GoOnIfQuiet();
            if (Refusal is { Kind: not OutcomeKind.Ok } refused)
            {
                return Task.FromResult(refused);
            }
            inFlight++;
            index = write.Index = nextIndex++;
            if (isOwn)
            {
                unpushed.Add(index);
            }
            var append = new GroupAppend { Group = groupId, Completion = write };
            append.Entries.Add(new(0, write.Index, 0, StampedCodec.Encode(entries)));
            log.Append(append);
        }
        return write.Completion;
    }

    /// <summary>Merges what a full store held up, if it takes it now.</summary>
    public void Resume()
    {
        // Asked outside the gate, for this comes with every tick: a refusal that is missed is met by the next one.
        if (refusal.Kind == OutcomeKind.Ok)
        {
            return;
        }
        lock (gate)
        {
            GoOnIfQuiet();
        }
    }

    /// <summary>Writes a row of metadata beside the entries; it becomes durable with the store's next flush.</summary>
    public void PutMeta(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value)
    {
        var row = Store.NewBatch();
        row.PutMeta(key, value);
        Store.Apply(row);
    }

    /// <summary>Counts what it holds from now on, or no longer.</summary>
    /// <param name="isWanted">Whether the keyspace has a quota.</param>
    /// <param name="nowMs">The time, Unix milliseconds.</param>
    /// <exception cref="StoreFailedException">The store cannot be read, or not be written.</exception>
    public void Count(bool isWanted, long nowMs)
    {
        if (isWanted != Usage.IsCounted)
        {
            lock (gate)
            {
                merge.Count(isWanted, nowMs);
            }
        }
    }

    /// <summary>What this copy holds for a key, tombstones and expired entries included.</summary>
    public StampedEntry Read(ReadOnlyMemory<byte> key) =>
        Store.TryGet(key.Span, out var entry) ? StampedCodec.FromStored(key, entry) : StampedCodec.Absent(key);

    private LocalVerdict Refusal => failure.Length > 0 ? new(OutcomeKind.Unavailable, failure) : refusal;

    /// <summary>Merges what the log held when it was opened. Until all of that is merged nothing is written.</summary>
    private void Replay(GroupLog from)
    {
        if (Store.AppliedIndex > from.LastIndex)
        {
            throw new ReplicaFailedException(
                $"The store holds log entry {Store.AppliedIndex}, the log ends at {from.LastIndex}."
            );
        }
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
                merge.Run(entries, record.Index);
            }
        }
        isReplayed = true;
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
            verdict = write.Result.IsOk ? MergeInTurn(write) : Refuse(write.Result);
            GoOnIfQuiet();
        }
        write.End(verdict);
    }

    private LocalVerdict MergeInTurn(LocalWrite write)
    {
        unmerged.Enqueue(write);
        return MergeWaiting()
            ? LocalVerdict.Ok with
            {
                Winners = write.Winners,
            }
            : new(OutcomeKind.Unknown, Refusal.Detail);
    }

    /// <summary>Merges in log order what is durable; false where the store does not take it.</summary>
    private bool MergeWaiting()
    {
        if (failure.Length > 0)
        {
            return false;
        }
        try
        {
            if (!isReplayed)
            {
                Replay(group!);
            }
            while (unmerged.TryPeek(out var write))
            {
                write.Winners = merge.Run(write.Entries, write.Index);
                Merged?.Invoke(write.Entries, write.IsOwn);
                unmerged.Dequeue();
            }
            return true;
        }
        catch (StoreFullException full)
        {
            refusal = new(OutcomeKind.DiskFull, full.Message);
            return false;
        }
        catch (Exception broken)
        {
            // Whatever the store said: this replica cannot go on, the node's others can.
            Damage = broken as StoreDamagedException;
            failure = $"The store does not take what is in the log: {broken.Message}";
            return false;
        }
    }

    private LocalVerdict Refuse(LogAppendResult result)
    {
        var kind = result.Status switch
        {
            LogAppendStatus.DiskFull => OutcomeKind.DiskFull,
            LogAppendStatus.Overloaded => OutcomeKind.Overloaded,
            LogAppendStatus.TooLarge => OutcomeKind.Invalid,
            // A gap behind a write that was refused.
            LogAppendStatus.Invalid when refusal.Kind != OutcomeKind.Ok => refusal.Kind,
            LogAppendStatus.IoError => OutcomeKind.Unknown,
            _ => OutcomeKind.Unavailable,
        };
        if (kind is OutcomeKind.Unknown or OutcomeKind.Unavailable)
        {
            failure = $"The log takes nothing any more: {result.Reason}";
        }
        else
        {
            // Only whoever wrote too much is told so; who comes meanwhile is asked to come again.
            refusal = new(kind == OutcomeKind.Invalid ? OutcomeKind.Overloaded : kind, result.Reason);
        }
        return new(kind, result.Reason);
    }

    /// <summary>Once nothing is in flight the log's end is known again, and what was refused may be tried.</summary>
    private void GoOnIfQuiet()
    {
        if (refusal.Kind != OutcomeKind.Ok && inFlight == 0 && MergeWaiting())
        {
            refusal = LocalVerdict.Ok;
            nextIndex = group!.LastIndex + 1;
        }
    }

    private sealed class LocalWrite(LocalCopy owner, StampedEntry[] entries, bool isOwn) : ILogCompletion
    {
        private readonly TaskCompletionSource<LocalVerdict> ended = new(
            TaskCreationOptions.RunContinuationsAsynchronously
        );

        public StampedEntry[] Entries => entries;

        public bool IsOwn => isOwn;

        public ulong Index { get; set; }

        public LogAppendResult Result { get; set; }

        public VersionStamp[]? Winners { get; set; }

        public Task<LocalVerdict> Completion => ended.Task;

        public void Complete(LogAppendResult result) => owner.Logged(this, result);

        public void End(LocalVerdict verdict) => ended.TrySetResult(verdict);
    }
}
