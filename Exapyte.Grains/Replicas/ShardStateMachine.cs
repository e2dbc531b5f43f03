using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// The replicated state of a raft shard: entries, revision, request ids, changes, ownership, configuration. Applies log entries
/// in order, each exactly once, and computes the same outcome on every replica: it knows no clock, only the stamps in the log.
/// </summary>
/// <remarks>
/// Invariants: one log entry is one atomic batch of the store together with the applied index; the revision rises by one
/// with each change, the end of an entry included; the applied stamp never decreases; an entry is hidden once the applied stamp
/// has reached its end, and not before; what is told of any of that is in the store. Used by one thread at a time, but for what
/// says that it is for any.
/// </remarks>
internal sealed class ShardStateMachine
{
    /// <summary>The row of what the state is at.</summary>
    internal static ReadOnlySpan<byte> StateKey => "s"u8;

    /// <summary>The row of the configuration.</summary>
    internal static ReadOnlySpan<byte> ConfigurationKey => "c"u8;

    /// <summary>The row of bounds and lineage.</summary>
    internal static ReadOnlySpan<byte> OwnershipKey => "b"u8;

    private readonly IShardStore store;
    private readonly ulong shardId;
    private readonly PendingState pending;
    private readonly WriteHandler writes;

    // As of the entry that is being applied; what others see is published once the store has it.
    private ShardOwnership? ownership;
    private ShardState published;
    private ulong publishedRevision;
    private long publishedStampMs;
    private ShardOwnership? publishedOwnership;
    private IndexCatalog publishedIndexes = IndexCatalog.Empty;

    /// <summary>Goes on with what the store holds.</summary>
    /// <param name="store">The store.</param>
    /// <param name="shardId">The shard's id.</param>
    public ShardStateMachine(IShardStore store, long shardId = 0)
    {
        this.store = store;
        this.shardId = (ulong)shardId;
        if (store.GetMeta(StateKey) is { } row)
        {
            published =
                ShardState.Decode(row) ?? throw new InvalidOperationException("The shard's state row is damaged.");
        }
        if (store.GetMeta(OwnershipKey) is { } owned)
        {
            ownership =
                ShardOwnership.Decode(owned)
                ?? throw new InvalidOperationException("The shard's ownership row is damaged.");
            store.Bounds = ownership.Keys;
        }
        pending = new(store, published);
        Usage = new(store);
        writes = new(pending, store, Usage);
        Publish();
    }

    /// <summary>
    /// The shard's revision: how many changes it has had. For any thread: the store holds at least the entries up to it.
    /// </summary>
    public ulong Revision => Volatile.Read(ref publishedRevision);

    /// <summary>The greatest stamp applied, Unix milliseconds. For any thread, as <see cref="Revision"/>.</summary>
    public long StampMs => Volatile.Read(ref publishedStampMs);

    /// <summary>Which keys are the shard's; null where its state does not say so yet. For any thread.</summary>
    public ShardOwnership? Ownership => Volatile.Read(ref publishedOwnership);

    /// <summary>The shard's indexes. For any thread.</summary>
    public IndexCatalog Indexes => Volatile.Read(ref publishedIndexes);

    /// <summary>What the state is at.</summary>
    public ShardState State => published;

    /// <summary>The scrub that the entry applied last was; null where it was none.</summary>
    public AppliedScrub? LastScrub { get; private set; }

    /// <summary>The split that the entry applied last was; null where it was none, or had no effect.</summary>
    public SplitCommand? LastSplit { get; private set; }

    /// <summary>The index of the last entry applied.</summary>
    public LogIndex Applied => new(store.AppliedIndex);

    /// <summary>What it holds, where the keyspace has a quota.</summary>
    public ShardUsage Usage { get; }

    /// <summary>The store behind it, for reads.</summary>
    public IShardStore Store => store;

    /// <summary>The configuration as of <see cref="Applied"/>; null before the first one was applied.</summary>
    public Configuration? ReadConfiguration() =>
        store.GetMeta(ConfigurationKey) is { } row
            ? ConfigurationCodec.TryDecode(row, out var configuration)
                ? configuration
                : throw new InvalidOperationException("The shard's configuration row is damaged.")
            : null;

    /// <summary>Answers reads from the state between two entries, all of them from the same.</summary>
    /// <param name="reads">The reads.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds: what only it says has ended is told by <see cref="PlacedReads.MetEnded"/>.</param>
    /// <exception cref="StoreFailedException">The store cannot be read.</exception>
    public void Answer(PlacedReads reads, long nowMs)
    {
        reads.Begin(nowMs);
        reads.AnswerAll(new(store, null, published.StampMs, published.Revision, ownership));
    }

    /// <summary>Applies the next entry. Where the store has no space for it nothing has changed and it can be tried again.</summary>
    /// <param name="entry">The entry at <see cref="Applied"/> + 1.</param>
    /// <param name="configuration">The configuration after the entry, where it is one.</param>
    /// <param name="reads">Reads that stand among the entry's writes, answered at their place; null where nobody asks.</param>
    /// <param name="changed">Gets the keys that it changes; null where nobody asks.</param>
    /// <returns>What became of its writes.</returns>
    /// <exception cref="StoreFullException">There is no space.</exception>
    public AppliedCommand Apply(
        in LogEntry entry,
        Configuration? configuration,
        PlacedReads? reads = null,
        List<ChangedKey>? changed = null
    )
    {
        if (entry.Index.Value != store.AppliedIndex + 1)
        {
            throw new InvalidOperationException($"Entry {entry.Index} does not follow {store.AppliedIndex}.");
        }
        LastScrub = null;
        LastSplit = null;
        var command = CommandOf(entry);
        // A scrub, which changes nothing, does not move log time either.
        pending.Begin(entry.Term, command is null or ScrubCommand ? 0 : command.StampMs, changed);
        AppliedCommand applied;
        try
        {
            applied = Apply(command, reads);
            if (configuration is not null)
            {
                pending.Batch.PutMeta(ConfigurationKey, ConfigurationCodec.Encode(configuration));
            }
            Write(entry.Index);
        }
        catch (StoreFullException)
        {
            ownership = publishedOwnership;
            LastSplit = null;
            pending.Failed(published);
            writes.BatchFailed();
            Usage.Reload();
            throw;
        }
        finally
        {
            pending.End();
            writes.BatchDone();
        }
        Publish();
        LastScrub = command is ScrubCommand scrub
            ? new(scrub.ScrubId, scrub.StampMs, Math.Max(published.StampMs, scrub.StampMs))
            : null;
        return applied;
    }

    private static ShardCommand? CommandOf(in LogEntry entry) =>
        entry.Kind != EntryKind.Command
            ? null
            : ShardCommandCodec.Decode(entry.Payload)
                ?? throw new InvalidOperationException($"Entry {entry.Index} is no command that this version knows.");

    private AppliedCommand Apply(ShardCommand? command, PlacedReads? reads)
    {
        switch (command)
        {
            case null or ClockCommand or ScrubCommand:
                return AppliedCommand.Nothing;
            case WriteCommand write:
                return writes.Apply(write, ownership, reads);
            case SweepCommand sweep:
                Sweep(sweep);
                return AppliedCommand.Nothing;
            case OwnershipCommand owned:
                Own(owned.Ownership);
                return AppliedCommand.Nothing;
            case IndexesCommand indexes:
                pending.Indexes.Define(pending.Batch, indexes);
                return AppliedCommand.Nothing;
            case IndexStepCommand step:
                pending.Indexes.Advance(pending.Batch, step);
                return AppliedCommand.Nothing;
            case SplitCommand split:
                Split(split);
                return AppliedCommand.Nothing;
            default:
                throw new InvalidOperationException($"A {command.GetType().Name} has no handler.");
        }
    }

    /// <summary>What was found to have ended, by the leader's index, ends here where it has ended indeed.</summary>
    private void Sweep(SweepCommand command)
    {
        pending.KeepChanges(command.ChangeRetentionMs);
        foreach (var key in command.Keys)
        {
            if (pending.Find(key, withValue: false) is { } entry && entry.IsExpired(pending.StampMs))
            {
                pending.Remove(key, ChangeKind.Expire, entry);
            }
        }
        pending.TrimChanges(command.ChangeRetentionMs);
    }

    /// <summary>The first to say it is right; every later one is of a leader that had not seen it.</summary>
    private void Own(ShardOwnership owned)
    {
        if (ownership is null)
        {
            ownership = owned;
            pending.Batch.PutMeta(OwnershipKey, owned.Encode());
        }
    }

    private void Split(SplitCommand split)
    {
        if (!ShardSplit.IsPossible(split, ownership, ReadConfiguration()))
        {
            return;
        }
        ShardSplit.CopyRequests(split, store);
        ShardSplit.WriteChild(split, shardId, ownership!, pending.State, pending.Batch);
        // What the shard holds is to be counted anew.
        Usage.End(pending.Batch);
        ownership = ShardSplit.Remainder(split, ownership!);
        pending.Batch.PutMeta(OwnershipKey, ownership.Encode());
        LastSplit = split;
    }

    private void Write(LogIndex index)
    {
        Span<byte> row = stackalloc byte[ShardState.RowBytes];
        pending.State.Encode(row);
        pending.Batch.PutMeta(StateKey, row);
        pending.Batch.AppliedIndex = index.Value;
        store.Apply(pending.Batch);
    }

    private void Publish()
    {
        published = pending.State;
        pending.Indexes.Applied();
        Volatile.Write(ref publishedIndexes, pending.Indexes.Catalog);
        if (publishedOwnership != ownership)
        {
            store.Bounds = ownership!.Keys;
            Volatile.Write(ref publishedOwnership, ownership);
        }
        Volatile.Write(ref publishedStampMs, published.StampMs);
        Volatile.Write(ref publishedRevision, published.Revision);
    }
}

/// <summary>A scrub that was applied: its id, the leader's stamp, and the time at which entries count as live in it.</summary>
internal readonly record struct AppliedScrub(ulong Id, long StampMs, long LiveAtMs);
