using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Tells those who watch what has changed in a raft shard: rows of its state, so that any member answers alike, and only of
/// what is committed and applied. Thread-safe.
/// </summary>
/// <remarks>
/// Invariant: an answer is without a gap. The revision rises by one with each change, so that a row that was trimmed while it
/// was read is missed, and the reader told so.
/// </remarks>
internal sealed class ReplicaChanges(
    ReplicaIdentity identity,
    IReplicaInbox inbox,
    ReplicaCalls calls,
    ChangeWaiters waiters,
    TimeProvider time
)
{
    /// <summary>Bytes of keys after which an answer ends.</summary>
    private const int KeyBytesMax = 256 << 10;

    /// <summary>Reads the next changes, or waits for them.</summary>
    public async ValueTask<ChangesReply> Read(ChangesRequest request)
    {
        if (request.After is not { } after)
        {
            return await Position(request);
        }
        var next = waiters.Next();
        if (request.WaitMs > 0 && inbox.View.Revision == after && Refusal(inbox.View, after) is null)
        {
            await next.WaitAsync(TimeSpan.FromMilliseconds(request.WaitMs), time)
                .ConfigureAwait(
                    ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext
                );
        }
        var view = inbox.View;
        if ((Refusal(view, after) ?? Misplaced(view, request)) is { } refusal)
        {
            return refusal;
        }
        try
        {
            return ReadRows(view, after, request.ChangesMax);
        }
        catch (StoreFailedException failure)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = calls.Met(failure) };
        }
    }

    /// <summary>Where the shard is: no write that was acknowledged before the question is behind it.</summary>
    private async ValueTask<ChangesReply> Position(ChangesRequest request)
    {
        var verdict = await calls.ProveNow(request.TimeoutMs);
        var view = inbox.View;
        if (Misplaced(view, request) is { } refusal)
        {
            return refusal;
        }
        return verdict.Kind == OutcomeKind.Ok
            ? new()
            {
                Kind = OutcomeKind.Ok,
                Through = view.Revision,
                KeptAfter = view.ChangesAfter,
            }
            : new()
            {
                Kind = verdict.Kind,
                Detail = verdict.Detail,
                LeaderReplicaId = (long)verdict.Leader.Value,
            };
    }

    /// <summary>Where the shard was split since the map of the question, others have changes that the watcher is to see.</summary>
    private static ChangesReply? Misplaced(ReplicaView view, ChangesRequest request) =>
        view.Ownership?.Keys.Covers(new(request.Start, request.End)) == false
            ? Refused(OutcomeKind.WrongShard, "The shard has been split.", view)
            : null;

    private static ChangesReply? Refusal(ReplicaView view, ulong after) =>
        view.Health.Problem.Length > 0 ? Refused(OutcomeKind.Unavailable, view.Health.Problem, view)
        : view.IsOutOfQuorum
            ? Refused(
                OutcomeKind.NoQuorum,
                "This replica has known of no leader for a while: it may lack changes.",
                view
            )
        : !view.IsVoter
            ? Refused(OutcomeKind.NotLeader, "This replica is still being built, or has left its group.", view)
        : after > view.Revision ? Refused(OutcomeKind.NotLeader, "This replica has not seen that revision yet.", view)
        : null;

    private static ChangesReply Refused(OutcomeKind kind, string detail, ReplicaView view) =>
        new()
        {
            Kind = kind,
            Detail = detail,
            LeaderReplicaId = kind == OutcomeKind.NotLeader ? (long)view.Leader.Value : 0,
        };

    private ChangesReply ReadRows(ReplicaView view, ulong after, int changesMax)
    {
        List<ShardChange> changes = [];
        var (last, bytes, isWhole) = (after, 0, true);
        ChangeLog.Visit(
            view.Store,
            after,
            row =>
            {
                // What is newer than the view is for the next answer.
                if (changes.Count == changesMax || bytes >= KeyBytesMax || row.Revision > view.Revision)
                {
                    return false;
                }
                isWhole = row.Revision == last + 1;
                if (!isWhole)
                {
                    return false;
                }
                last = row.Revision;
                bytes += row.Key.Length;
                changes.Add(
                    new()
                    {
                        Revision = row.Revision,
                        Kind = row.Kind,
                        Key = row.Key,
                        Version = new(row.Version.Revision, identity.Life),
                    }
                );
                return true;
            }
        );
        var isCut = changes.Count >= changesMax || bytes >= KeyBytesMax;
        return isWhole && (isCut || last == view.Revision)
            ? new()
            {
                Kind = OutcomeKind.Ok,
                Changes = [.. changes],
                Through = last,
                KeptAfter = view.ChangesAfter,
            }
            : new()
            {
                Kind = OutcomeKind.Compacted,
                Through = view.Revision,
                KeptAfter = inbox.View.ChangesAfter,
            };
    }
}
