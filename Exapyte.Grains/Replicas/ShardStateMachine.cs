using Exapyte.Grains.Fields;
using Exapyte.Grains.Replicas.Commands;
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
/// with each change; the applied stamp never decreases. Used by one thread at a time.
/// </remarks>
internal sealed class ShardStateMachine
{
    private static ReadOnlySpan<byte> StateKey => "s"u8;

    private static ReadOnlySpan<byte> ConfigurationKey => "c"u8;

    private readonly IShardStore store;
    private readonly StoreBatch batch;
    private readonly RequestLog requests;
    private readonly WriteOverlay overlay = new();

    public ShardStateMachine(IShardStore store)
    {
        this.store = store;
        batch = store.NewBatch();
        requests = new(store);
        if (store.GetMeta(StateKey) is { } state)
        {
            var reader = new SpanReader(state);
            Revision = reader.UInt64();
            StampMs = reader.Int64();
            if (!reader.AtEnd)
            {
                throw new InvalidOperationException("The shard's state row is damaged.");
            }
        }
    }

    /// <summary>The shard's revision: how many changes it has had.</summary>
    public ulong Revision { get; private set; }

    /// <summary>The greatest stamp applied, Unix milliseconds.</summary>
    public long StampMs { get; private set; }

    /// <summary>The scrub that the entry applied last was; null where it was none.</summary>
    public AppliedScrub? LastScrub { get; private set; }

    /// <summary>The index of the last entry applied.</summary>
    public LogIndex Applied => new(store.AppliedIndex);

    /// <summary>The store behind it, for reads.</summary>
    public IShardStore Store => store;

    /// <summary>The configuration as of <see cref="Applied"/>; null before the first one was applied.</summary>
    public Configuration? ReadConfiguration() =>
        store.GetMeta(ConfigurationKey) is { } row
            ? ConfigurationCodec.TryDecode(row, out var configuration)
                ? configuration
                : throw new InvalidOperationException("The shard's configuration row is damaged.")
            : null;

    /// <summary>Applies the next entry. Where the store has no space for it nothing has changed and it can be tried again.</summary>
    /// <param name="entry">The entry at <see cref="Applied"/> + 1.</param>
    /// <param name="configuration">The configuration after the entry, where it is one.</param>
    /// <returns>What became of its writes, in their order; empty for other kinds of entries.</returns>
    /// <exception cref="StoreFullException">There is no space.</exception>
    public AppliedWrite[] Apply(in LogEntry entry, Configuration? configuration)
    {
        if (entry.Index.Value != store.AppliedIndex + 1)
        {
            throw new InvalidOperationException($"Entry {entry.Index} does not follow {store.AppliedIndex}.");
        }
        var revisionBefore = Revision;
        AppliedWrite[] outcomes = [];
        AppliedScrub? scrub = null;
        LastScrub = null;
        if (entry.Kind == EntryKind.Command)
        {
            var command =
                ShardCommandCodec.Decode(entry.Payload)
                ?? throw new InvalidOperationException($"Entry {entry.Index} is no command that this version knows.");
            if (command.ScrubId is { } scrubId)
            {
                scrub = new(scrubId, command.StampMs, Math.Max(StampMs, command.StampMs));
            }
            else
            {
                outcomes = ApplyCommand(command);
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
            Revision = revisionBefore;
            requests.BatchFailed();
            throw;
        }
        finally
        {
            batch.Clear();
            requests.BatchDone();
            overlay.Clear();
        }
        LastScrub = scrub;
        return outcomes;
    }

    private AppliedWrite[] ApplyCommand(ShardCommand command)
    {
        StampMs = Math.Max(StampMs, command.StampMs);
        var revisionBefore = Revision;
        var outcomes = new AppliedWrite[command.Writes.Length];
        for (var i = 0; i < outcomes.Length; i++)
        {
            ref readonly var write = ref command.Writes[i];
            outcomes[i] = write.RequestId is null
                ? Write(write, outcomes.Length > 1)
                : WriteOnce(write, outcomes.Length > 1);
            if (command.Atomic && outcomes[i].Kind != OutcomeKind.Ok)
            {
                Undo(revisionBefore, outcomes, i);
                break;
            }
        }
        requests.Evict(batch, StampMs - command.RequestIdWindowMs);
        WriteState();
        return outcomes;
    }

    /// <summary>One write of an atomic command was refused: none of them happens, and each says so.</summary>
    private void Undo(ulong revisionBefore, AppliedWrite[] outcomes, int refusedAt)
    {
        batch.Clear();
        requests.BatchDone();
        overlay.Clear();
        Revision = revisionBefore;
        for (var i = 0; i < outcomes.Length; i++)
        {
            if (i != refusedAt)
            {
                outcomes[i] = new(OutcomeKind.PreconditionFailed, default, false);
            }
        }
    }

    private AppliedWrite WriteOnce(in CommandWrite write, bool oneOfMany)
    {
        var bodyHash = RequestLog.BodyHashOf(write);
        if (requests.TryRecall(write, bodyHash, out var earlier))
        {
            return earlier;
        }
        var outcome = Write(write, oneOfMany);
        requests.Remember(batch, write.RequestId!, bodyHash, StampMs, outcome);
        return outcome;
    }

    private AppliedWrite Write(in CommandWrite write, bool oneOfMany)
    {
        var current = CurrentVersion(write.Key);
        if (write.Condition is { } condition && !condition.IsMetBy(current))
        {
            return new(OutcomeKind.PreconditionFailed, current, false);
        }
        var version = new VersionStamp(Revision + 1);
        if (write.Kind == OperationKind.Delete)
        {
            if (current.IsNone)
            {
                return new(OutcomeKind.Ok, default, false);
            }
            batch.Delete(write.Key.Span);
        }
        else
        {
            var expiresMs = write.TtlMs == 0 ? 0 : StampMs + write.TtlMs;
            batch.Put(
                write.Key.Span,
                new(new(version.Revision, 0), StampMs, expiresMs, EntryFlags.None, write.ContentType, write.Value)
            );
        }
        Revision = version.Revision;
        var isDelete = write.Kind == OperationKind.Delete;
        if (oneOfMany)
        {
            overlay.Set(write.Key, isDelete ? VersionStamp.None : version);
        }
        return new(OutcomeKind.Ok, version, isDelete || current.IsNone);
    }

    private VersionStamp CurrentVersion(ReadOnlyMemory<byte> key)
    {
        if (overlay.TryGet(key, out var version))
        {
            return version;
        }
        return store.TryGetHeader(key.Span, out var entry) && entry.IsLive(StampMs)
            ? new(entry.Version.Revision)
            : VersionStamp.None;
    }

    private void WriteState()
    {
        Span<byte> state = stackalloc byte[sizeof(ulong) + sizeof(long)];
        var writer = new SpanWriter(state);
        writer.UInt64(Revision);
        writer.Int64(StampMs);
        batch.PutMeta(StateKey, state);
    }
}

/// <summary>A scrub that was applied: its id, the leader's stamp, and the time at which entries count as live in it.</summary>
internal readonly record struct AppliedScrub(ulong Id, long StampMs, long LiveAtMs);
