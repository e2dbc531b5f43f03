using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Caching;

/// <summary>What calls take from a keyspace's cache and give it.</summary>
internal static class CacheCalls
{
    /// <summary>What a read asks for that may be answered from a cache; null for any other operation.</summary>
    /// <remarks>Only a level that was asked for: whoever names none gets the keyspace's own from the shard.</remarks>
    public static ConsistencyPolicy? CachedPolicyOf(this Operation operation, ReplicationKind replication) =>
        !operation.IsWrite
        && operation.Level != ConsistencyLevel.Default
        && ConsistencyPolicy.OfRead(replication, operation.Level) is { MayBeCached: true } policy
            ? policy
            : null;

    /// <summary>
    /// The caller is about to hear what became of its write: whatever comes of it, this process does not show it the state before.
    /// </summary>
    /// <param name="cache">The cache.</param>
    /// <param name="operation">The write.</param>
    /// <param name="outcome">What became of it.</param>
    /// <param name="reply">What said so; null where nothing did.</param>
    public static void Wrote(this EntryCache cache, Operation operation, OperationOutcome outcome, BatchReply? reply)
    {
        if (outcome.Kind is not (OutcomeKind.Ok or OutcomeKind.PreconditionFailed))
        {
            if (outcome.InDoubt)
            {
                cache.Forget(operation.Key);
            }
            return;
        }
        if (outcome is { DecidedBy: not null, Version.IsNone: true })
        {
            // Of an atomic batch that another item refused: it says nothing of the key.
            return;
        }
        if (!outcome.Version.IsNone)
        {
            cache.Invalidate(operation.Key, outcome.Version);
        }
        else if (reply is { Revision: > 0 and var revision })
        {
            // There is no entry: what is kept was so before this revision.
            cache.Forget(operation.Key);
            cache.Invalidate(operation.Key, new(revision, (ulong)cache.KeyspaceId));
        }
        else
        {
            cache.Forget(operation.Key);
        }
    }

    /// <summary>A read was answered by a replica.</summary>
    public static void Read(
        this EntryCache cache,
        Operation operation,
        in OperationResult result,
        ReplicationKind replication
    )
    {
        if (result.Outcome.Kind == OutcomeKind.Ok)
        {
            cache.Saw(operation.Key, result.Outcome.Version);
        }
        else if (
            result.Outcome.Kind == OutcomeKind.NotFound
            && ConsistencyPolicy.OfRead(replication, operation.Level) is { IsFresh: true }
        )
        {
            cache.SawNothing(operation.Key);
        }
    }

    /// <summary>What a caller is told of a cached entry.</summary>
    public static OperationResult Answer(
        this CachedEntry entry,
        RoutedMap map,
        Operation operation,
        ClientSession? session,
        ServedBy served
    )
    {
        session.Note(map.Map, entry);
        var outcome = entry.Outcome;
        return new(operation.Kind == OperationKind.Get || !entry.HasValue ? outcome : WithoutValue(outcome), served);
    }

    private static OperationOutcome WithoutValue(OperationOutcome outcome) =>
        new()
        {
            Kind = outcome.Kind,
            Version = outcome.Version,
            ValueBytes = outcome.ValueBytes,
            ContentType = outcome.ContentType,
            ModifiedMs = outcome.ModifiedMs,
            ExpiresMs = outcome.ExpiresMs,
            Acknowledged = outcome.Acknowledged,
        };
}
