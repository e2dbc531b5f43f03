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
        if (request.Pin)
        {
            var pin = new PendingPin();
            inbox.Post(new ReplicaInput.Pin(pin));
            return await pin.Completion;
        }
        try
        {
            var view = inbox.View;
            return ReplicaReads.Scan(view.Store, request, Math.Max(inbox.NowMs, view.StampMs), identity.Life);
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

    private async ValueTask Read(OperationBatch batch, BatchPlan plan)
    {
        var deadlineMs = inbox.NowMs + batch.TimeoutMs;
        var isProven = false;
        if (batch.Atomic || plan.ProvenReads > 0)
        {
            var verdict = await Prove(batch.Atomic ? plan.ToRead(deadlineMs) : new(deadlineMs));
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
            plan.ReadFrom(view.Store, Math.Max(inbox.NowMs, view.StampMs), view.Revision);
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

    private static ReadVerdict NotTakenIn(ReplicaView view) =>
        new(OutcomeKind.NotLeader, "This replica is still being built, or has left its group.", view.Leader);
}
