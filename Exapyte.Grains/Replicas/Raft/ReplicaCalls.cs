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
    internal const string QueueFull = "The replica's queue is full.";

    private static readonly ReadVerdict HeldUp = new(
        OutcomeKind.Unavailable,
        "This replica was held up while it read, and what it read has become too old.",
        default
    );

    private readonly ReadProofs proofs = new(inbox);

    private static readonly WriteVerdict DiskFull = new()
    {
        Kind = OutcomeKind.DiskFull,
        Detail = "The disk of the shard's leader is full: nothing was changed. Free space on it; reads go on.",
        LeavesReads = true,
    };

    /// <summary>Runs a batch.</summary>
    public async ValueTask<ReplicaAnswer> Execute(OperationBatch batch)
    {
        var outcomes = new OperationOutcome[batch.Operations.Length];
        var plan = BatchPlan.Of(batch, inbox.Map, identity, outcomes);
        if (inbox.View.Health is { IsSilent: true } ended)
        {
            plan.Fill(OutcomeKind.Unavailable, ended.Problem);
            return ReplicaAnswer.Of(outcomes);
        }
        // Whatever is read from here on is at least as new.
        var readAfter = inbox.View.Revision;
        if (plan.Writes > 0)
        {
            plan.FillWrites(await Write(batch, plan));
        }
        // Reads beside writes are answered where those are applied, which proves them.
        var stalenessMs = plan.IsOpen ? await Read(batch, plan) : plan.StalenessMs(isProven: true, ageMs: 0);
        // Whoever is answered is told a revision that the view shows already.
        return new(outcomes, stalenessMs, inbox.View.Revision) { ReadAfter = readAfter };
    }

    /// <summary>Reads a page, or keeps the state for a reader who takes many.</summary>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        if (inbox.View.Health is { IsSilent: true } ended)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = ended.Problem };
        }
        var need = ReadNeed.Of(request);
        var isProven = !proofs.Meets(need);
        var verdict =
            isProven ? await proofs.Ask(new(inbox.NowMs + request.TimeoutMs) { NeedsLeader = need.NeedsLeader })
            : inbox.View.IsVoter ? ReadVerdict.Ready
            : NotTakenIn(inbox.View);
        if (verdict.Kind != OutcomeKind.Ok)
        {
            return PageOf(verdict);
        }
        var clockMs = inbox.NowMs;
        if (request.Pin)
        {
            // What has ended is not kept for the reader, where the log can be told in time.
            await TellTime(clockMs, clockMs + request.TimeoutMs);
            var pin = new PendingPin(request);
            inbox.Post(new ReplicaInput.Pin(pin));
            return await pin.Completion;
        }
        try
        {
            var page = await ReadPage(request, need, clockMs);
            var ageMs = isProven ? 0 : proofs.AgeMs;
            return ageMs > need.AgeMsMax
                ? PageOf(HeldUp)
                : page with
                {
                    StalenessMs = isProven || need.IsTimely ? ageMs : -1,
                    Revision = inbox.View.Revision,
                };
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

    /// <summary>Waits for the proof that the view shows all that was acknowledged before.</summary>
    /// <param name="timeoutMs">How long at most, in milliseconds.</param>
    public ValueTask<ReadVerdict> ProveNow(int timeoutMs) => proofs.Ask(new(inbox.NowMs + timeoutMs));

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

    private async ValueTask<ScanReply> ReadPage(ScanRequest request, ReadNeed need, long clockMs)
    {
        var view = inbox.View;
        var page = PageAt(view, request, clockMs, out var metEnded);
        if (!metEnded)
        {
            return page;
        }
        var told = await TellTime(clockMs, clockMs + request.TimeoutMs);
        if (told.Kind != OutcomeKind.Ok && need.IsTimely)
        {
            return PageOf(told);
        }
        return PageAt(inbox.View, request, clockMs: 0, out _);
    }

    private ScanReply PageAt(ReplicaView view, ScanRequest request, long clockMs, out bool metEnded)
    {
        metEnded = false;
        return ReplicaReads.Misplaced(view.Ownership, request)
            ?? ReplicaReads.Scan(
                view.Store,
                request,
                view.StampMs,
                clockMs,
                identity.Life,
                out metEnded,
                view.Revision
            );
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

    private async ValueTask<ReadVerdict> ProveAtomic(BatchPlan plan, bool needsProof, long clockMs, long deadlineMs)
    {
        var read = plan.ToRead(deadlineMs, needsProof);
        var verdict = await proofs.Ask(read);
        if (verdict.Kind != OutcomeKind.Ok || read.Reads?.MetEnded != true)
        {
            return verdict;
        }
        var told = await TellTime(clockMs, deadlineMs);
        return told.Kind == OutcomeKind.Ok ? await proofs.Ask(plan.ToRead(deadlineMs, needsProof))
            : plan.Need.IsTimely ? told
            : verdict;
    }

    /// <summary>Answers the reads; returns the greatest possible age of what they were answered from.</summary>
    private async ValueTask<long> Read(OperationBatch batch, BatchPlan plan)
    {
        var clockMs = inbox.NowMs;
        var deadlineMs = clockMs + batch.TimeoutMs;
        var needsProof = !proofs.Meets(plan.Need);
        var isProven = false;
        if (batch.Atomic || needsProof)
        {
            var verdict = batch.Atomic
                ? await ProveAtomic(plan, needsProof, clockMs, deadlineMs)
                : await proofs.Ask(plan.ToRead(deadlineMs, needsProof));
            isProven = needsProof && verdict.Kind == OutcomeKind.Ok;
            if (verdict.Failure is { } met)
            {
                plan.Fill(OutcomeKind.Unavailable, Met(met));
            }
            else if (verdict.Outcomes is { } reads && (isProven || inbox.View.IsVoter))
            {
                plan.FillReads(reads);
            }
            else if (verdict.Kind != OutcomeKind.Ok)
            {
                plan.FillReads(verdict, need => batch.Atomic || !proofs.Meets(need));
            }
        }
        // Not before the proof: the view shows at least what was proven, or what was written by this batch.
        var view = inbox.View;
        if (!isProven && !view.IsVoter)
        {
            plan.FillReads(NotTakenIn(view), static _ => true);
            return -1;
        }
        try
        {
            if (plan.ReadFrom(PointOf(view), clockMs))
            {
                var told = await TellTime(clockMs, deadlineMs);
                if (told.Kind != OutcomeKind.Ok)
                {
                    plan.FillReads(told, static need => need.IsTimely);
                }
                plan.ReadFrom(PointOf(inbox.View), clockMs: 0);
            }
        }
        catch (StoreFailedException failure)
        {
            plan.Fill(OutcomeKind.Unavailable, Met(failure));
        }
        var ageMs = isProven ? 0 : proofs.AgeMs;
        plan.RefuseOlderThan(ageMs, HeldUp);
        return plan.StalenessMs(isProven, ageMs);
    }

    private static ScanReply PageOf(in ReadVerdict verdict) =>
        new()
        {
            Kind = verdict.Kind,
            Detail = verdict.Detail,
            LeaderReplicaId = (long)verdict.Leader.Value,
        };

    private static ReadPoint PointOf(ReplicaView view) =>
        new(view.Store, null, view.StampMs, view.Revision, view.Ownership);

    private static ReadVerdict NotTakenIn(ReplicaView view) =>
        new(OutcomeKind.NotLeader, "This replica is still being built, or has left its group.", view.Leader);
}
