using System.Collections.Concurrent;
using Exapyte.Grains.Nodes;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Wire;
using Microsoft.Extensions.Logging;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// A hosted member of a raft group: the pump around <see cref="ReplicaLoop"/>. Inputs queue in a mailbox; one thread at
/// a time steps the loop and does what it asks for, in this order: log, send, and (inside the loop) apply and answer.
/// Thread-safe.
/// </summary>
internal sealed partial class RaftReplica : IReplica
{
    private const int InputsMax = 65_536;

    private readonly NodeServices node;
    private readonly ReplicaLoop loop;
    private readonly ReplicaMailbox<ReplicaInput> mailbox;
    private readonly ReplicaLogWriter writer;
    private readonly ReplicaEffects effects = new();
    private readonly RaftPeers peers;
    private readonly GroupLog log;
    private readonly ILogger logger;
    private volatile KeyspaceMap? map;

    public RaftReplica(NodeServices node, ReplicaIdentity identity, GroupLog log)
    {
        this.node = node;
        this.log = log;
        Identity = identity;
        StorePrefix = log.Snapshot?.Prefix ?? identity.StorePrefix;
        logger = node.LoggerFactory.CreateLogger("Exapyte.Replica");
        peers = new(node.Peers, identity);
        var machine = new ShardStateMachine(node.Disk.OpenShard(StorePrefix));
        loop = new(
            CreateCore(identity, machine, log, node.Options),
            machine,
            default,
            node.Options.IdleTicksBeforeSleep
        );
        sender = new(node, identity);
        receiver = new(node, node.Prefixes.Issue);
        mailbox = new(InputsMax, Work);
        writer = new(
            node.Log,
            new((ulong)identity.ReplicaId),
            submission => mailbox.Post(new(ReplicaInputKind.Logged, submission), inline: false, always: true)
        );
    }

    /// <inheritdoc/>
    public ReplicaIdentity Identity { get; }

    /// <inheritdoc/>
    public ulong StorePrefix { get; private set; }

    private long NowMs => node.Time.GetUtcNow().ToUnixTimeMilliseconds();

    private static RaftCore CreateCore(
        ReplicaIdentity identity,
        ShardStateMachine machine,
        GroupLog log,
        ReplicaOptions options
    )
    {
        var state = log.State;
        var configuration =
            machine.ReadConfiguration()
            ?? Configuration.Of([.. identity.FirstMembers.Select(member => new MemberId((ulong)member))]);
        var core = new RaftCore(
            new()
            {
                Id = new((ulong)identity.ReplicaId),
                Seed = (ulong)identity.ReplicaId,
                ElectionTicks = options.ElectionTicks,
                HeartbeatTicks = options.HeartbeatTicks,
            },
            new(
                new(new(state.Term), new(state.Vote), new(Math.Max(state.Commit, machine.Applied.Value))),
                configuration,
                machine.Applied,
                new RaftLogReader(log)
            )
        )
        {
            MayCampaign = false,
        };
        return core;
    }

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
        if (problem.Length > 0 && !servesReads)
        {
            plan.Fill(OutcomeKind.Unavailable, problem);
            return outcomes;
        }
        var needsProof = plan.ProvenReads > 0;
        if (plan.Writes > 0)
        {
            var verdict = await Write(batch, plan);
            plan.FillWrites(verdict);
            needsProof &= verdict.LeavesReads;
        }
        if (needsProof && await Prove(batch.TimeoutMs) is { Kind: not OutcomeKind.Ok } refusal)
        {
            plan.FillReads(refusal);
        }
        plan.ReadFrom(loop.Machine.Store, Math.Max(NowMs, loop.Machine.StampMs), new(loop.Machine.Revision));
        return outcomes;
    }

    /// <inheritdoc/>
    public async ValueTask<ScanReply> Scan(ScanRequest request)
    {
        if (problem.Length > 0 && !servesReads)
        {
            return new() { Kind = OutcomeKind.Unavailable, Detail = problem };
        }
        if (request.Level != ConsistencyLevel.Eventual)
        {
            var verdict = await Prove(request.TimeoutMs);
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
        return ReplicaReads.Scan(loop.Machine.Store, request, Math.Max(NowMs, loop.Machine.StampMs));
    }

    /// <inheritdoc/>
    public bool Deliver(PeerMessage message)
    {
        switch (message.Kind)
        {
            case PeerMessageKind.SnapshotChunk when SnapshotPart.Decode(message.Payload) is { } part:
                return Post(replica => TakePart(replica, part, message.FromReplicaId));
            case PeerMessageKind.SnapshotReply when SnapshotReply.Decode(message.Payload) is { } reply:
                sender.Answered(message.FromReplicaId, reply);
                return true;
            case PeerMessageKind.Rest when RestNotice.Decode(message.Payload) is { } notice:
                var from = new MemberId((ulong)message.FromReplicaId);
                return Post(replica => replica.HearRest(from, notice));
            case PeerMessageKind.Raft when RaftMessageCodec.TryDecode(message.Payload, out var decoded):
                return mailbox.Post(ReplicaInput.Of(decoded), inline: false);
            default:
                LogMalformed(Identity.ReplicaId, message.Kind, message.FromReplicaId);
                return true;
        }
    }

    /// <inheritdoc/>
    public void Compact()
    {
        var store = loop.Machine.Store;
        var keep = (ulong)node.Options.LogEntriesKept;
        var safe = Math.Min(store.ReadFlushedIndex(), store.AppliedIndex);
        if (safe <= log.FirstIndex + keep)
        {
            return;
        }
        var through = safe - keep;
        if (log.TermAt(through) is { } term)
        {
            node.Log.Compact(new((ulong)Identity.ReplicaId), through, term);
        }
    }

    /// <inheritdoc/>
    public void Sweep()
    {
        if (problem.Length == 0)
        {
            loop.Machine.Store.SweepExpired(loop.Machine.StampMs, node.Options.SweepEntriesMax);
        }
    }

    /// <inheritdoc/>
    public async ValueTask Stop()
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Post(_ =>
        {
            servesReads = servesProvenReads = false;
            Fail("The replica has been stopped on this node.");
            stopped.SetResult();
        });
        await stopped.Task;
    }

    private void UseMapInLoop(ReplicaLoop replica, KeyspaceMap current, bool confirmed)
    {
        replica.UseRules(CommandRules.Of(current.Settings));
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

    private bool Post(Action<ReplicaLoop> call) => mailbox.Post(ReplicaInput.Call(call), inline: false, always: true);

    private async ValueTask<WriteVerdict> Write(OperationBatch batch, BatchPlan plan)
    {
        if (problem.Length > 0)
        {
            return new()
            {
                Kind = OutcomeKind.Unavailable,
                Detail = problem,
                LeavesReads = true,
            };
        }
        if (writer.IsStuck || loop.IsHeldUp || node.IsDiskFull)
        {
            return new()
            {
                Kind = OutcomeKind.DiskFull,
                Detail = "The disk of the shard's leader is full: nothing was changed. Free space on it; reads go on.",
                LeavesReads = true,
            };
        }
        var write = new PendingWrite(plan.Accepted(batch), NowMs + batch.TimeoutMs);
        if (!mailbox.Post(ReplicaInput.Of(write), inline: true))
        {
            return new() { Kind = OutcomeKind.Overloaded, Detail = "The replica's queue is full." };
        }
        return await write.Completion;
    }

    private ValueTask<ReadVerdict> Prove(int timeoutMs)
    {
        if (problem.Length > 0)
        {
            return new(
                servesProvenReads ? ReadVerdict.Ready : new ReadVerdict(OutcomeKind.Unavailable, problem, default)
            );
        }
        var read = new PendingRead(NowMs + timeoutMs);
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
                Take(input);
            }
            while (problem.Length == 0 && !isInstalling && loop.Advance(NowMs, effects))
            {
                Dispatch();
                effects.Clear();
            }
        }
        catch (Exception exception)
        {
            // A broken invariant, a failed disk or damage stops this replica; the node and its other replicas go on.
            Stop(exception);
        }
        finally
        {
            effects.Clear();
        }
    }

    private void Take(ReplicaInput input)
    {
        if (problem.Length > 0 && input.Kind is not ReplicaInputKind.Call)
        {
            Refuse(input, problem);
            return;
        }
        if (isInstalling && input.Kind is not (ReplicaInputKind.Call or ReplicaInputKind.Logged))
        {
            Refuse(input, "The replica is installing a snapshot.");
            return;
        }
        switch (input.Kind)
        {
            case ReplicaInputKind.Tick:
                if (node.Log.Health is { Condition: LogCondition.Failed } failed)
                {
                    throw new ReplicaFailedException($"The node's log has failed: {failed.Reason}", isOfDisk: true);
                }
                writer.Retry();
                loop.Tick(NowMs);
                ConsiderPreferredLeader(loop);
                break;
            case ReplicaInputKind.Message:
                loop.Receive((RaftMessage)input.Subject!);
                break;
            case ReplicaInputKind.Write:
                loop.Write((PendingWrite)input.Subject!);
                break;
            case ReplicaInputKind.Read:
                loop.Read((PendingRead)input.Subject!);
                break;
            case ReplicaInputKind.Logged:
                var submission = (ReplicaLogWriter.Submission)input.Subject!;
                if (writer.Take(submission))
                {
                    loop.Persisted(submission.Write.WriteId);
                }
                break;
            default:
                ((Action<ReplicaLoop>)input.Subject!)(loop);
                break;
        }
    }

    private void Dispatch()
    {
        foreach (var write in effects.Writes)
        {
            writer.Submit(write);
        }
        foreach (var message in effects.Messages)
        {
            peers.Send(message);
        }
        if (effects.FallsAsleep)
        {
            SendRestNotice(loop);
        }
        foreach (var request in effects.Snapshots)
        {
            SendSnapshot(request);
        }
        if (effects.LeadershipChanged)
        {
            LogLeadership(Identity.ReplicaId, loop.Core.Role, loop.Core.Term.Value, loop.Core.Leader.Value);
        }
    }

    /// <summary>Who waits is told; messages and ticks are passed over, as if they had been lost.</summary>
    private static void Refuse(ReplicaInput input, string reason)
    {
        (input.Subject as PendingWrite)?.Refuse(OutcomeKind.Unavailable, reason);
        (input.Subject as PendingRead)?.Refuse(OutcomeKind.Unavailable, reason);
    }

    [LoggerMessage(LogLevel.Debug, "Replica {ReplicaId} is {Role} in term {Term}, leader {Leader}")]
    private partial void LogLeadership(long replicaId, RaftRole role, ulong term, ulong leader);

    [LoggerMessage(LogLevel.Warning, "Replica {ReplicaId} refused a malformed {Kind} message of replica {From}")]
    private partial void LogMalformed(long replicaId, PeerMessageKind kind, long from);
}
