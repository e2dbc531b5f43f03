using Exapyte.Grains.Fields;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// The replicated state of a raft shard: entries, revision, request ids, configuration. Applies log entries in order,
/// each exactly once, and computes the same outcome on every replica: it knows no clock, only the stamps in the log.
/// </summary>
/// <remarks>
/// Invariants: one log entry is one atomic batch of the store together with the applied index; the revision rises by one
/// with each change; the applied stamp never decreases; what is told of either is in the store. Used by one thread at a time,
/// but for what says that it is for any.
/// </remarks>
internal sealed class ShardStateMachine
{
    private static ReadOnlySpan<byte> StateKey => "s"u8;

    private static ReadOnlySpan<byte> ConfigurationKey => "c"u8;

    private readonly IShardStore store;
    private readonly StoreBatch batch;
    private readonly RequestLog requests;
    private readonly NamedRequests named;
    private readonly WriteOverlay overlay = new();
    private readonly EntryFinder find;

    // As of the entry that is being applied; what others see is published once the store has it.
    private ulong revision;
    private long stampMs;
    private ulong publishedRevision;
    private long publishedStampMs;

    public ShardStateMachine(IShardStore store)
    {
        this.store = store;
        batch = store.NewBatch();
        requests = new(store);
        named = new(requests);
        find = TryFind;
        Usage = new(store);
        if (store.GetMeta(StateKey) is { } state)
        {
            var reader = new SpanReader(state);
            revision = reader.UInt64();
            stampMs = reader.Int64();
            if (!reader.AtEnd)
            {
                throw new InvalidOperationException("The shard's state row is damaged.");
            }
            Publish();
        }
    }

    /// <summary>
    /// The shard's revision: how many changes it has had. For any thread: the store holds at least the entries up to it.
    /// </summary>
    public ulong Revision => Volatile.Read(ref publishedRevision);

    /// <summary>The greatest stamp applied, Unix milliseconds. For any thread, as <see cref="Revision"/>.</summary>
    public long StampMs => Volatile.Read(ref publishedStampMs);

    /// <summary>The scrub that the entry applied last was; null where it was none.</summary>
    public AppliedScrub? LastScrub { get; private set; }

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
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    /// <exception cref="StoreFailedException">The store cannot be read.</exception>
    public void Answer(PlacedReads reads, long nowMs)
    {
        reads.Begin();
        reads.AnswerAll(find, Math.Max(nowMs, stampMs), revision);
    }

    /// <summary>Applies the next entry. Where the store has no space for it nothing has changed and it can be tried again.</summary>
    /// <param name="entry">The entry at <see cref="Applied"/> + 1.</param>
    /// <param name="configuration">The configuration after the entry, where it is one.</param>
    /// <param name="reads">Reads that stand among the entry's writes, answered at their place; null where nobody asks.</param>
    /// <returns>What became of its writes.</returns>
    /// <exception cref="StoreFullException">There is no space.</exception>
    public AppliedCommand Apply(in LogEntry entry, Configuration? configuration, PlacedReads? reads = null)
    {
        if (entry.Index.Value != store.AppliedIndex + 1)
        {
            throw new InvalidOperationException($"Entry {entry.Index} does not follow {store.AppliedIndex}.");
        }
        var applied = AppliedCommand.Nothing;
        AppliedScrub? scrub = null;
        LastScrub = null;
        if (entry.Kind == EntryKind.Command)
        {
            var command =
                ShardCommandCodec.Decode(entry.Payload)
                ?? throw new InvalidOperationException($"Entry {entry.Index} is no command that this version knows.");
            if (command.ScrubId is { } scrubId)
            {
                scrub = new(scrubId, command.StampMs, Math.Max(stampMs, command.StampMs));
            }
            else
            {
                applied = ApplyCommand(command, reads);
            }
        }
        if (configuration is not null)
        {
            batch.PutMeta(ConfigurationKey, ConfigurationCodec.Encode(configuration));
        }
        batch.AppliedIndex = entry.Index.Value;
        try
        {
            store.Apply(batch);
        }
        catch (StoreFullException)
        {
            (revision, stampMs) = (publishedRevision, publishedStampMs);
            requests.BatchFailed();
            Usage.Reload();
            throw;
        }
        finally
        {
            batch.Clear();
            requests.BatchDone();
            overlay.Clear();
        }
        Publish();
        LastScrub = scrub;
        return applied;
    }

    private void Publish()
    {
        Volatile.Write(ref publishedStampMs, stampMs);
        Volatile.Write(ref publishedRevision, revision);
    }

    private AppliedCommand ApplyCommand(ShardCommand command, PlacedReads? reads)
    {
        stampMs = Math.Max(stampMs, command.StampMs);
        reads?.Begin();
        if (command.Limits is null)
        {
            Usage.End(batch);
        }
        else
        {
            Usage.Begin(stampMs);
        }
        var isNamedWhole = command.Atomic && Array.Exists(command.Writes, write => write.IsNamed);
        var applied = isNamedWhole ? ApplyOnce(command, reads) : ApplyWrites(command, reads, named);
        requests.Evict(batch, stampMs - command.RequestIdWindowMs);
        Usage.Save(batch);
        WriteState();
        return applied;
    }

    /// <summary>An atomic command that is known as a whole: it happened as a whole or not at all, and answers so again.</summary>
    private AppliedCommand ApplyOnce(ShardCommand command, PlacedReads? reads)
    {
        if (named.RecallAtomic(command.Writes) is { } earlier)
        {
            if (earlier.RefusedAt == AppliedCommand.NotRefused)
            {
                reads?.AnswerAll(find, stampMs, revision);
            }
            return earlier;
        }
        var applied = ApplyWrites(command, reads, known: null);
        if (!applied.IsBeyondQuota)
        {
            named.RememberAtomic(batch, command.Writes, stampMs, applied);
        }
        return applied;
    }

    private AppliedCommand ApplyWrites(ShardCommand command, PlacedReads? reads, NamedRequests? known)
    {
        var revisionBefore = revision;
        var outcomes = new AppliedWrite[command.Writes.Length];
        var isSeen = outcomes.Length > 1 || reads is not null;
        for (var i = 0; i < outcomes.Length; i++)
        {
            reads?.AnswerBefore(i, find, stampMs, revision);
            ref readonly var write = ref command.Writes[i];
            outcomes[i] =
                known is null || write.RequestId is null
                    ? Write(write, isSeen, command.Limits)
                    : WriteOnce(write, isSeen, command.Limits, known);
            if (command.Atomic && outcomes[i].Kind != OutcomeKind.Ok)
            {
                Undo(revisionBefore);
                return AppliedCommand.Refused(outcomes.Length, i, outcomes[i]);
            }
        }
        reads?.AnswerAll(find, stampMs, revision);
        return new(outcomes, AppliedCommand.NotRefused);
    }

    /// <summary>One write of an atomic command was refused: none of them happens.</summary>
    private void Undo(ulong revisionBefore)
    {
        batch.Clear();
        requests.BatchDone();
        overlay.Clear();
        Usage.Undo();
        revision = revisionBefore;
    }

    private AppliedWrite WriteOnce(in CommandWrite write, bool isSeen, Usage? limits, NamedRequests known)
    {
        if (known.TryRecall(write, out var earlier))
        {
            return earlier;
        }
        var outcome = Write(write, isSeen, limits);
        if (outcome.Kind != OutcomeKind.QuotaExceeded)
        {
            // One that found no room is to be judged anew when it comes again.
            known.Remember(batch, write, stampMs, outcome);
        }
        return outcome;
    }

    /// <param name="write">The write.</param>
    /// <param name="isSeen">Whether later operations of the batch may look at what it made.</param>
    /// <param name="limits">What the shard may hold; null: nobody counts.</param>
    private AppliedWrite Write(in CommandWrite write, bool isSeen, Usage? limits)
    {
        var found = Find(write.Key, withValue: limits is not null);
        var held = found is { } entry && entry.IsLive(stampMs) ? found : null;
        var current = held is { } live ? new VersionStamp(live.Version.Revision) : VersionStamp.None;
        if (write.Condition is { } condition && !condition.IsMetBy(current))
        {
            return new(OutcomeKind.PreconditionFailed, current, false);
        }
        // When what is there ends, live or not; 0: it stays.
        var replacedExpiresMs = found.GetValueOrDefault().ExpiresMs;
        return write.Kind == OperationKind.Delete
            ? Delete(write.Key, held, replacedExpiresMs, isSeen, limits)
            : Put(write, held, replacedExpiresMs, isSeen, limits);
    }

    private AppliedWrite Delete(
        ReadOnlyMemory<byte> key,
        in StoredEntry? held,
        long replacedExpiresMs,
        bool isSeen,
        Usage? limits
    )
    {
        if (held is null)
        {
            return new(OutcomeKind.Ok, default, false);
        }
        revision++;
        batch.Delete(key.Span, replacedExpiresMs);
        if (isSeen)
        {
            overlay.Set(key, null);
        }
        if (limits is not null)
        {
            Usage.Replace(key.Span, held, null);
        }
        return new(OutcomeKind.Ok, new(revision), true);
    }

    private AppliedWrite Put(
        in CommandWrite write,
        in StoredEntry? held,
        long replacedExpiresMs,
        bool isSeen,
        Usage? limits
    )
    {
        var expiresMs = write.ExpiresMs(stampMs);
        var entry = new StoredEntry(
            new(revision + 1, 0),
            stampMs,
            expiresMs,
            EntryFlags.None,
            write.ContentType,
            write.Value
        );
        if (limits is { } most)
        {
            if (!Usage.Fits(write.Key.Span, held, entry, most))
            {
                return new(OutcomeKind.QuotaExceeded, default, false);
            }
            Usage.Replace(write.Key.Span, held, entry);
        }
        revision++;
        batch.Put(write.Key.Span, entry, replacedExpiresMs);
        if (isSeen)
        {
            overlay.Set(write.Key, entry);
        }
        return new(OutcomeKind.Ok, new(revision), held is null) { ExpiresMs = expiresMs };
    }

    /// <summary>What the key holds at this place of the batch, live or not; null where that is nothing.</summary>
    private StoredEntry? Find(ReadOnlyMemory<byte> key, bool withValue)
    {
        if (overlay.TryGet(key, out var written))
        {
            return written;
        }
        var isThere = withValue ? store.TryGet(key.Span, out var entry) : store.TryGetHeader(key.Span, out entry);
        return isThere ? entry : null;
    }

    /// <summary>Finds an entry as it is at this place of the batch that is being applied, or between two.</summary>
    private bool TryFind(ReadOnlyMemory<byte> key, out StoredEntry entry)
    {
        if (overlay.TryGet(key, out var written))
        {
            entry = written.GetValueOrDefault();
            return written is not null;
        }
        return store.TryGet(key.Span, out entry);
    }

    private void WriteState()
    {
        Span<byte> state = stackalloc byte[sizeof(ulong) + sizeof(long)];
        var writer = new SpanWriter(state);
        writer.UInt64(revision);
        writer.Int64(stampMs);
        batch.PutMeta(StateKey, state);
    }
}

/// <summary>A scrub that was applied: its id, the leader's stamp, and the time at which entries count as live in it.</summary>
internal readonly record struct AppliedScrub(ulong Id, long StampMs, long LiveAtMs);
