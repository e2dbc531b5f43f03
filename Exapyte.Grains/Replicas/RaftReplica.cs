using System.Collections.Concurrent;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Scrubs;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// A hosted member of a raft group: the pump around <see cref="ReplicaDriver"/>. Inputs queue in a mailbox; one thread at
/// a time drives. Thread-safe.
/// </summary>
internal sealed partial class RaftReplica : IReplica, IReplicaOutside
{
    private const int InputsMax = 65_536;

    private readonly NodeServices node;
    private readonly ReplicaLoop loop;
    private readonly ReplicaMailbox<ReplicaInput> mailbox;
    private readonly ReplicaDriver driver;
    private readonly RaftPeers peers;
    private readonly GroupLog log;
    private readonly ILogger logger;
    private volatile KeyspaceMap? map;

    public RaftReplica(NodeServices node, ReplicaIdentity identity, GroupLog log)
    {
        this.node = node;
        this.log = log;
        Identity = identity;
        logger = node.LoggerFactory.CreateLogger("Exapyte.Replica");
        peers = new(node.Peers, identity);
        var prefix = log.Snapshot?.Prefix ?? identity.StorePrefix;
        var machine = new ShardStateMachine(OpenStore(prefix));
        loop = new(
            ReplicaStart.CreateCore(identity, machine, log, node.Options, (ulong)Random.Shared.NextInt64()),
            machine,
            default,
            node.Options.IdleTicksBeforeSleep,
            node.Options.OutageTicks
        );
        sender = new(node, identity, Condemn);
        scrubSchedule = new(node.Options.ScrubInterval, identity.ShardId);
        scrubbedSlot = scrubSchedule.SlotOf(NowMs);
        mailbox = new(InputsMax, Work);
        var writer = new ReplicaLogWriter(
            node.Log,
            new((ulong)identity.ReplicaId),
            submission => mailbox.Post(new(ReplicaInputKind.Logged, submission), inline: false, always: true)
        );
        var receiver = new SnapshotReceiver(OpenStore, node.Disused.Add, node.Prefixes.Issue);
        driver = new(this, loop, writer, receiver, prefix);
    }

    /// <inheritdoc/>
    public ReplicaIdentity Identity { get; }

    /// <inheritdoc/>
    public ulong StorePrefix => driver.StorePrefix;

    /// <inheritdoc/>
    public IReadOnlyList<ulong> Prefixes => driver.Prefixes;

    private string Problem => damage ?? driver.Problem;

    /// <inheritdoc/>
    public long NowMs => node.Clocks.NowMs;

    /// <inheritdoc/>
    public void UseMap(KeyspaceMap current, bool confirmed)
    {
        if (map is null || map.Epoch < current.Epoch)
        {
            map = current;
            peers.Use(current);
        }
        mailbox.Post(
            ReplicaInput.Call(replica => UseMapInLoop(replica, current, confirmed)),
            inline: false,
            always: true
        );
    }

    /// <inheritdoc/>
    public async ValueTask<OperationOutcome[]> Execute(OperationBatch batch)
    {
        var outcomes = new OperationOutcome[batch.Operations.Length];
        var plan = BatchPlan.Of(batch, map, Identity, outcomes);
        if (Problem.Length > 0 && !servesReads)
        {
            plan.Fill(OutcomeKind.Unavailable, Problem);
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

    private async ValueTask Read(OperationBatch batch, BatchPlan plan)
    {
        var deadlineMs = NowMs + batch.TimeoutMs;
        var isProven = false;
        if (batch.Atomic || plan.ProvenReads > 0)
        {
            var verdict = await Prove(batch.Atomic ? plan.ToRead(deadlineMs) : new(deadlineMs));
            if (verdict.Failure is { } met)
            {
                plan.Fill(OutcomeKind.Unavailable, Met(met));
            }
            else if (verdict.Outcomes is { } reads && (plan.ProvenReads > 0 || IsVoter))
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
        if (!isProven && !IsVoter)
        {
            plan.FillReads(NotTakenIn);
            return;
        }
        try
        {
            plan.ReadFrom(loop.Machine.Store, Math.Max(NowMs, loop.Machine.StampMs), loop.Machine.Revision);
        }
        catch (StoreFailedException failure)
        {
            plan.Fill(OutcomeKind.Unavailable, Met(failure));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        if (Problem.Length > 0 && !servesReads)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Problem };
        }
        if (request.Level != ConsistencyLevel.Eventual)
        {
            var verdict = await Prove(new(NowMs + request.TimeoutMs));
            if (verdict.Kind != OutcomeKind.Ok)
            {
                return new()
                {
                    Kind = verdict.Kind,
                    Detail = verdict.Detail,
                    LeaderReplicaId = (long)verdict.Leader.Value,
                };
            }
        }
        else if (!IsVoter)
        {
            return new()
            {
                Kind = NotTakenIn.Kind,
                Detail = NotTakenIn.Detail,
                LeaderReplicaId = (long)NotTakenIn.Leader.Value,
            };
        }
        try
        {
            return request.Pin
                ? await Pin()
                : ReplicaReads.Scan(loop.Machine.Store, request, Math.Max(NowMs, loop.Machine.StampMs), Identity.Life);
        }
        catch (StoreFailedException failure)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = Met(failure) };
        }
    }

    /// <inheritdoc/>
    public void Send(RaftMessage message) => peers.Send(message);

    /// <inheritdoc/>
    public bool Deliver(PeerMessage message)
    {
        switch (message.Kind)
        {
            case PeerMessageKind.SnapshotChunk when SnapshotPart.Decode(message.Payload) is { } part:
                return Post(_ => driver.TakePart(part, message.FromReplicaId));
            case PeerMessageKind.SnapshotReply when SnapshotReply.Decode(message.Payload) is { } reply:
                sender.Answered(message.FromReplicaId, reply);
                return true;
            case PeerMessageKind.Rest when RestNotice.Decode(message.Payload) is { } notice:
                var from = new MemberId((ulong)message.FromReplicaId);
                return Post(replica => replica.HearRest(from, notice));
            case PeerMessageKind.ScrubAnswer when ScrubAnswer.Decode(message.Payload) is { } answer:
                HearScrub(new MemberId((ulong)message.FromReplicaId), answer);
                return true;
            case PeerMessageKind.ScrubVerdict when ScrubVerdict.Decode(message.Payload) is { } verdict:
                HearScrub(verdict);
                return true;
            case PeerMessageKind.Raft when RaftMessageCodec.TryDecode(message.Payload, out var decoded):
                return mailbox.Post(ReplicaInput.Of(decoded), inline: false);
            default:
                LogMalformed(Identity.ReplicaId, message.Kind, message.FromReplicaId);
                return true;
        }
    }

    /// <inheritdoc/>
    public void Sweep()
    {
        if (Problem.Length > 0)
        {
            return;
        }
        try
        {
            loop.Machine.Store.SweepExpired(loop.Machine.StampMs, node.Options.SweepEntriesMax);
        }
        catch (StoreDamagedException met)
        {
            Condemn(met.Message);
        }
    }

    /// <inheritdoc/>
    public async ValueTask Stop()
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ =>
        {
            servesReads = servesProvenReads = false;
            driver.Fail("The replica has been stopped on this node.");
            stopped.SetResult();
        });
        lock (scrubGate)
        {
            scrub = null;
        }
        await stopped.Task;
    }

    private void UseMapInLoop(ReplicaLoop replica, KeyspaceMap current, bool confirmed)
    {
        replica.UseRules(CommandRules.Of(current.Settings));
        WantMembersOf(replica, current);
        if (!confirmed || replica.Core.MayCampaign)
        {
            return;
        }
        replica.Core.MayCampaign = true;
        if (PreferredLeader() == replica.Core.Id && replica.Core.Leader.IsNone)
        {
            replica.Core.Campaign();
        }
    }

    private IShardStore OpenStore(ulong prefix) => node.Disk.OpenShard(prefix, (ulong)Identity.ShardId);

    private bool Post(Action<ReplicaLoop> call) => mailbox.Post(ReplicaInput.Call(call), inline: false, always: true);

    private async ValueTask<WriteVerdict> Write(OperationBatch batch, BatchPlan plan)
    {
        if (Problem.Length > 0)
        {
            return new()
            {
                Kind = OutcomeKind.Unavailable,
                Detail = Problem,
                LeavesReads = true,
            };
        }
        if (driver.IsStuck || loop.IsHeldUp || node.IsDiskFull)
        {
            return new()
            {
                Kind = OutcomeKind.DiskFull,
                Detail = "The disk of the shard's leader is full: nothing was changed. Free space on it; reads go on.",
                LeavesReads = true,
            };
        }
        var write = plan.ToPropose(NowMs + batch.TimeoutMs, await LimitsOf(batch));
        if (!mailbox.Post(ReplicaInput.Of(write), inline: true))
        {
            return new() { Kind = OutcomeKind.Overloaded, Detail = "The replica's queue is full." };
        }
        return await write.Completion;
    }

    private ValueTask<ReadVerdict> Prove(PendingRead read)
    {
        if (Problem.Length > 0)
        {
            // Its state does not change any more.
            return new(
                servesProvenReads || !read.NeedsProof
                    ? ReadVerdict.Ready
                    : new ReadVerdict(OutcomeKind.Unavailable, Problem, default)
            );
        }
        return mailbox.Post(ReplicaInput.Of(read), inline: true)
            ? new(read.Completion)
            : new(new ReadVerdict(OutcomeKind.Overloaded, "The replica's queue is full.", default));
    }

    private void Work(ConcurrentQueue<ReplicaInput> inputs)
    {
        try
        {
            while (inputs.TryDequeue(out var input))
            {
                driver.Take(input);
            }
            driver.Advance();
        }
        catch (Exception exception)
        {
            // A broken invariant, a failed disk or damage stops this replica; the node and its other replicas go on.
            Stop(exception);
        }
    }

    [LoggerMessage(LogLevel.Debug, "Replica {ReplicaId} is {Role} in term {Term}, leader {Leader}")]
    private partial void LogLeadership(long replicaId, RaftRole role, ulong term, ulong leader);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} refused a malformed {Kind} message of replica {From}")]
    private partial void LogMalformed(long replicaId, PeerMessageKind kind, long from);
}
