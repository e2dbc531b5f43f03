using Exapyte.Grains.Replicas.Quotas;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// What callers ask of a raft replica: batches and pages. Writes and proofs go through its mailbox; rows are read on the
/// caller's own thread. Thread-safe.
/// </summary>
internal sealed class ReplicaCalls(ReplicaIdentity identity, IReplicaInbox inbox)
{
    private const string NotTold = "The time of an entry is up, and the shard's log cannot be told so";
    private const string QueueFull = "The replica's queue is full.";

    private static readonly WriteVerdict DiskFull = new()
    {
        Kind = OutcomeKind.DiskFull,
        Detail = "The disk of the shard's leader is full: nothing was changed. Free space on it; reads go on.",
        LeavesReads = true,
    };

    /// <summary>Runs a batch; one outcome an operation.</summary>
    public async ValueTask<OperationOutcome[]> Execute(OperationBatch batch)
    {
        var outcomes = new OperationOutcome[batch.Operations.Length];
        var plan = BatchPlan.Of(batch, inbox.Map, identity, outcomes);
        if (inbox.View.Health is { IsSilent: true } ended)
        {
            plan.Fill(OutcomeKind.Unavailable, ended.Problem);
            return outcomes;
        }
        if (plan.Writes > 0)
        {
            plan.FillWrites(await Write(batch, plan));
        }
        if (plan.IsOpen)
        {
            await Read(batch, plan);
        }
        return outcomes;
    }

    /// <summary>Reads a page, or keeps the state for a reader who takes many.</summary>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        if (inbox.View.Health is { IsSilent: true } ended)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = ended.Problem };
        }
        var verdict =
            request.Level != ConsistencyLevel.Eventual ? await Prove(new(inbox.NowMs + request.TimeoutMs))
            : inbox.View.IsVoter ? ReadVerdict.Ready
            : NotTakenIn(inbox.View);
        if (verdict.Kind != OutcomeKind.Ok)
        {
            return new()
            {
                Kind = verdict.Kind,
                Detail = verdict.Detail,
                LeaderReplicaId = (long)verdict.Leader.Value,
            };
        }
        var clockMs = inbox.NowMs;
        if (request.Pin)
        {
            // What has ended is not kept for the reader, where the log can be told in time.
            await TellTime(clockMs, clockMs + request.TimeoutMs);
            var pin = new PendingPin();
            inbox.Post(new ReplicaInput.Pin(pin));
            return await pin.Completion;
        }
        try
        {
            return await ReadPage(request, clockMs);
        }
        catch (StoreFailedException failure)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }

    /// <summary>What a reader is told of a store that could not read.</summary>
    public string Met(StoreFailedException failure)
    {
        if (failure is StoreDamagedException)
        {
            inbox.Post(new ReplicaInput.DamageFound(failure.Message));
        }
        return failure.Message;
    }

    private async ValueTask<WriteVerdict> Write(OperationBatch batch, BatchPlan plan)
    {
        var view = inbox.View;
        if (view.Health.Problem.Length > 0)
        {
            return new()
            {
                Kind = OutcomeKind.Unavailable,
                Detail = view.Health.Problem,
                LeavesReads = true,
            };
        }
        if (view.IsStuck || view.IsHeldUp || inbox.IsDiskFull)
        {
            return DiskFull;
        }
        var limits = await LimitsOf(batch);
        var write = plan.ToPropose(inbox.NowMs + batch.TimeoutMs, limits);
        return inbox.TryPost(new ReplicaInput.Write(write))
            ? await write.Completion
            : WriteVerdict.Refused(OutcomeKind.Overloaded, QueueFull);
    }

    /// <summary>What the shard may hold once the batch's puts are done; null: as much as it likes, or nothing is put.</summary>
    private async ValueTask<Usage?> LimitsOf(OperationBatch batch)
    {
        var view = inbox.View;
        if (inbox.Map is not { Settings.Quota: not null } current || view.Role != RaftRole.Leader)
        {
            return null;
        }
        var put = Usages.PutBy(batch.Operations);
        return put == default
            ? null
            : await inbox.LimitsOf(current, view.Usage.At(inbox.NowMs).GetValueOrDefault(), put);
    }

    private async ValueTask<ScanReply> ReadPage(ScanRequest request, long clockMs)
    {
        var view = inbox.View;
        var page = ReplicaReads.Scan(view.Store, request, view.StampMs, clockMs, identity.Life, out var metEnded);
        if (!metEnded)
        {
            return page;
        }
        var told = await TellTime(clockMs, clockMs + request.TimeoutMs);
        if (told.Kind != OutcomeKind.Ok && request.Level != ConsistencyLevel.Eventual)
        {
            return new()
            {
                Kind = told.Kind,
                Detail = told.Detail,
                LeaderReplicaId = (long)told.Leader.Value,
            };
        }
        view = inbox.View;
        return ReplicaReads.Scan(view.Store, request, view.StampMs, identity.Life);
    }

    /// <summary>
    /// An entry ends by the log and nobody's clock: where only the clock of this node has passed its end, the log is told the
    /// time before it counts as ended. Only a leader can.
    /// </summary>
    private async ValueTask<ReadVerdict> TellTime(long clockMs, long deadlineMs)
    {
        var view = inbox.View;
        if (view.StampMs >= clockMs)
        {
            return ReadVerdict.Ready;
        }
        if (view.Health.Problem.Length > 0)
        {
            return new(OutcomeKind.Unavailable, $"{NotTold}: {view.Health.Problem}", default);
        }
        if (view.IsStuck || view.IsHeldUp || inbox.IsDiskFull)
        {
            return new(OutcomeKind.DiskFull, $"{NotTold}: its disk is full. Free space on it.", view.Leader);
        }
        var clock = PendingWrite.Clock(clockMs, deadlineMs);
        if (!inbox.TryPost(new ReplicaInput.Write(clock)))
        {
            return new(OutcomeKind.Overloaded, QueueFull, default);
        }
        var verdict = await clock.Completion;
        var kind = verdict.Kind == OutcomeKind.Unknown ? OutcomeKind.Unavailable : verdict.Kind;
        return new(kind, verdict.Detail, verdict.Leader);
    }

    private async ValueTask<ReadVerdict> ProveAtomic(BatchPlan plan, long clockMs, long deadlineMs)
    {
        var read = plan.ToRead(deadlineMs);
        var verdict = await Prove(read);
        if (verdict.Kind != OutcomeKind.Ok || read.Reads?.MetEnded != true)
        {
            return verdict;
        }
        var told = await TellTime(clockMs, deadlineMs);
        return told.Kind == OutcomeKind.Ok ? await Prove(plan.ToRead(deadlineMs))
            : read.NeedsProof ? told
            : verdict;
    }

    private async ValueTask Read(OperationBatch batch, BatchPlan plan)
    {
        var clockMs = inbox.NowMs;
        var deadlineMs = clockMs + batch.TimeoutMs;
        var isProven = false;
        if (batch.Atomic || plan.ProvenReads > 0)
        {
            var verdict = batch.Atomic ? await ProveAtomic(plan, clockMs, deadlineMs) : await Prove(new(deadlineMs));
            if (verdict.Failure is { } met)
            {
                plan.Fill(OutcomeKind.Unavailable, Met(met));
            }
            else if (verdict.Outcomes is { } reads && (plan.ProvenReads > 0 || inbox.View.IsVoter))
            {
                plan.FillReads(reads);
            }
            else if (batch.Atomic && verdict.Kind != OutcomeKind.Ok)
            {
                plan.FillReads(verdict);
            }
            else if (verdict.Kind != OutcomeKind.Ok)
            {
                plan.FillProvenReads(verdict);
            }
            isProven = plan.ProvenReads > 0 && verdict.Kind == OutcomeKind.Ok;
        }
        // Not before the proof: the view shows at least what was proven, or what was written by this batch.
        var view = inbox.View;
        if (!isProven && !view.IsVoter)
        {
            plan.FillReads(NotTakenIn(view));
            return;
        }
        try
        {
            if (plan.ReadFrom(PointOf(view), clockMs))
            {
                var told = await TellTime(clockMs, deadlineMs);
                if (told.Kind != OutcomeKind.Ok && plan.ProvenReads > 0)
                {
                    plan.FillProvenReads(told);
                }
                plan.ReadFrom(PointOf(inbox.View), clockMs: 0);
            }
        }
        catch (StoreFailedException failure)
        {
            plan.Fill(OutcomeKind.Unavailable, Met(failure));
        }
    }

    private ValueTask<ReadVerdict> Prove(PendingRead read)
    {
        if (inbox.View.Health is { Problem.Length: > 0 } ended)
        {
            // Its state does not change any more.
            return new(
                ended.ServesProvenReads || !read.NeedsProof
                    ? ReadVerdict.Ready
                    : new ReadVerdict(OutcomeKind.Unavailable, ended.Problem, default)
            );
        }
        return inbox.TryPost(new ReplicaInput.Read(read))
            ? new(read.Completion)
            : new(new ReadVerdict(OutcomeKind.Overloaded, QueueFull, default));
    }

    private static ReadPoint PointOf(ReplicaView view) =>
        new(view.Store, null, view.StampMs, view.Revision, view.Ownership);

    private static ReadVerdict NotTakenIn(ReplicaView view) =>
        new(OutcomeKind.NotLeader, "This replica is still being built, or has left its group.", view.Leader);
}
