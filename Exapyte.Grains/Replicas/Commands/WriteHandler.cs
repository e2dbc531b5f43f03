using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Commands;

/// <summary>
/// Applies <see cref="WriteCommand"/>s: each write is judged against the entry as it is, earlier writes of the command included
/// (ownership, condition, expiry by the stamp, request id). Used by one thread at a time.
/// </summary>
internal sealed class WriteHandler
{
    private static readonly AppliedWrite Misplaced = new(OutcomeKind.WrongShard, default, false);

    private readonly IShardStore store;
    private readonly PendingState pending;
    private readonly ShardUsage usage;
    private readonly RequestLog requests;
    private readonly NamedRequests named;
    private ReadOnlyMemory<byte> partitionDelimiter;

    public WriteHandler(PendingState pending, IShardStore store, ShardUsage usage)
    {
        this.store = store;
        this.pending = pending;
        this.usage = usage;
        requests = new(store);
        named = new(requests);
    }

    /// <summary>Applies a command.</summary>
    /// <param name="command">The command.</param>
    /// <param name="ownership">Which keys are the shard's; null: not known yet.</param>
    /// <param name="reads">Reads that stand among its writes; null where nobody asks.</param>
    public AppliedCommand Apply(WriteCommand command, ShardOwnership? ownership, PlacedReads? reads)
    {
        pending.IsSeen = command.Writes.Length > 1 || reads is not null;
        pending.KeepChanges(command.ChangeRetentionMs);
        partitionDelimiter = ownership?.PartitionDelimiter ?? default;
        reads?.Begin();
        if (command.Limits is null)
        {
            usage.End(pending.Batch);
        }
        else
        {
            usage.Begin(pending.StampMs);
        }
        var isNamedWhole = command.Atomic && Array.Exists(command.Writes, write => write.IsNamed);
        var applied =
            IsMisplaced(command, ownership) ? AppliedCommand.Misplaced(command.Writes.Length)
            : isNamedWhole ? ApplyOnce(command, ownership, reads)
            : ApplyWrites(command, ownership, reads, named);
        requests.Evict(pending.Batch, pending.StampMs - command.RequestIdWindowMs);
        pending.TrimChanges(command.ChangeRetentionMs);
        usage.Save(pending.Batch);
        return applied;
    }

    /// <summary>The batch has been applied, or dropped.</summary>
    public void BatchDone() => requests.BatchDone();

    /// <summary>The batch was not applied.</summary>
    public void BatchFailed() => requests.BatchFailed();

    /// <summary>An atomic command of which a key is another shard's, or that was planned by other bounds, is so as a whole.</summary>
    private static bool IsMisplaced(WriteCommand command, ShardOwnership? ownership) =>
        command.Atomic
        && ownership is not null
        && (
            (command.Generation != 0 && command.Generation != ownership.Generation)
            || Array.Exists(command.Writes, write => !ownership.Owns(write.Key.Span))
        );

    /// <summary>An atomic command that is known as a whole: it happened as a whole or not at all, and answers so again.</summary>
    private AppliedCommand ApplyOnce(WriteCommand command, ShardOwnership? ownership, PlacedReads? reads)
    {
        if (named.RecallAtomic(command.Writes) is { } earlier)
        {
            if (earlier.RefusedAt == AppliedCommand.NotRefused)
            {
                reads?.AnswerAll(Here(ownership));
            }
            return earlier;
        }
        var applied = ApplyWrites(command, ownership, reads, known: null);
        if (applied.IsBeyondQuota)
        {
            return applied;
        }
        ulong[] keyHashes =
            command.ChangeRetentionMs < 0 ? [] : [.. command.Writes.Select(write => KeyHashOf(write.Key))];
        named.RememberAtomic(pending.Batch, command.Writes, keyHashes, pending.StampMs, applied);
        return applied;
    }

    private AppliedCommand ApplyWrites(
        WriteCommand command,
        ShardOwnership? ownership,
        PlacedReads? reads,
        NamedRequests? known
    )
    {
        var before = pending.State;
        var outcomes = new AppliedWrite[command.Writes.Length];
        for (var i = 0; i < outcomes.Length; i++)
        {
            reads?.AnswerBefore(i, Here(ownership));
            ref readonly var write = ref command.Writes[i];
            outcomes[i] =
                ownership?.Owns(write.Key.Span) == false ? Misplaced
                : known is null || write.RequestId is null ? Write(write, command.Limits)
                : WriteOnce(write, command, known);
            if (command.Atomic && outcomes[i].Kind != OutcomeKind.Ok)
            {
                requests.BatchDone();
                pending.TakeBack(before);
                usage.Undo();
                return AppliedCommand.Refused(outcomes.Length, i, outcomes[i]);
            }
        }
        reads?.AnswerAll(Here(ownership));
        return new(outcomes, AppliedCommand.NotRefused);
    }

    private AppliedWrite WriteOnce(in CommandWrite write, WriteCommand command, NamedRequests known)
    {
        if (known.TryRecall(write, out var earlier))
        {
            return earlier;
        }
        var outcome = Write(write, command.Limits);
        if (outcome.Kind != OutcomeKind.QuotaExceeded)
        {
            // One that found no room is to be judged anew when it comes again.
            ulong[] keyHashes = command.ChangeRetentionMs < 0 ? [] : [KeyHashOf(write.Key)];
            known.Remember(pending.Batch, write, keyHashes, pending.StampMs, outcome);
        }
        return outcome;
    }

    /// <param name="write">The write.</param>
    /// <param name="limits">What the shard may hold; null: nobody counts.</param>
    private AppliedWrite Write(in CommandWrite write, Usage? limits)
    {
        var isChange = write.Kind is OperationKind.Increment or OperationKind.Merge;
        var found = pending.Find(write.Key, withValue: isChange || limits is not null);
        var held = found is { } entry && entry.IsLive(pending.StampMs) ? found : null;
        var current = held is { } live ? new VersionStamp(live.Version.Revision) : VersionStamp.None;
        if (write.Condition is { } condition && !condition.IsMetBy(current))
        {
            return new(OutcomeKind.PreconditionFailed, current, false);
        }
        if (write.Kind != OperationKind.Delete)
        {
            return Put(write, found, held, limits);
        }
        if (held is not { } removed)
        {
            return new(OutcomeKind.Ok, default, false);
        }
        if (limits is not null)
        {
            usage.Replace(write.Key.Span, held, null);
        }
        return new(OutcomeKind.Ok, new(pending.Remove(write.Key, ChangeKind.Delete, removed)), true);
    }

    /// <param name="write">The write.</param>
    /// <param name="found">What is there, live or not.</param>
    /// <param name="held">The same where it lives.</param>
    /// <param name="limits">What the shard may hold; null: nobody counts.</param>
    private AppliedWrite Put(in CommandWrite write, StoredEntry? found, in StoredEntry? held, Usage? limits)
    {
        var change = ValueChange.Of(write, held);
        if (change.Refusal is { } refusal)
        {
            return new(refusal, default, false);
        }
        var expiresMs = write.KeepsEnd && held is { } kept ? kept.ExpiresMs : write.ExpiresMs(pending.StampMs);
        var entry = new StoredEntry(
            default,
            pending.StampMs,
            expiresMs,
            EntryFlags.None,
            change.ContentType,
            change.Value
        );
        if (limits is { } most)
        {
            if (!usage.Fits(write.Key.Span, held, entry, most))
            {
                return new(OutcomeKind.QuotaExceeded, default, false);
            }
            usage.Replace(write.Key.Span, held, entry);
        }
        return new(OutcomeKind.Ok, new(pending.Put(write.Key, entry, found)), held is null)
        {
            ExpiresMs = expiresMs,
            Number = change.Number,
        };
    }

    private ReadPoint Here(ShardOwnership? ownership) =>
        new(store, pending, pending.StampMs, pending.Revision, ownership);

    private ulong KeyHashOf(ReadOnlyMemory<byte> key) => KeyHash.HashOf(key.Span, partitionDelimiter.Span);
}
