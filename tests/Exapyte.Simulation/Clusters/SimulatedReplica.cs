using System.Buffers;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// One life of one replica: the pump that production has in <see cref="RaftReplica"/>, in one thread. What it pumps, the
/// <see cref="ReplicaDriver"/> and all below it, is the real thing.
/// </summary>
internal sealed partial class SimulatedReplica : IReplicaOutside
{
    /// <summary>Two elections at their longest, as in production.</summary>
    private const int OutageTicks = 24;

    private readonly Queue<ReplicaInput> inbox = new();
    private readonly List<ClientCall> waiting = [];
    private readonly ArrayBufferWriter<byte> buffer = new();
    private readonly GroupLog log;
    private readonly GrantedPreVotes granted = new();
    private ulong seenCommit;
    private ulong seenLedTerm;
    private RaftRole seenRole;
    private readonly LimitWatch limits;
    private bool isWorkDue;

    public SimulatedReplica(World world, SimulatedNode node, ReplicaIdentity identity, SimulatedGroup group)
    {
        World = world;
        limits = new(world);
        Node = node;
        Identity = identity;
        Group = group;
        Book = group.BookOf(Id);
        log = node.Log.OpenGroup(LogId);
        var prefix = log.Snapshot?.Prefix ?? identity.StorePrefix;
        Shard = node.Disk.OpenShard(prefix);
        var machine = new ShardStateMachine(world.Flaw.StoreOf(Shard, this));
        var core = world.Flaw.CreateCore(this, machine, log, world.Chance.Next());
        Loop = new(core, machine, world.Rules, world.Weather.IdleTicks, OutageTicks);
        var writer = new ReplicaLogWriter(
            new SpiedLog(this, node, limits),
            LogId,
            submission => Post(new ReplicaInput(ReplicaInputKind.Logged, submission)),
            world.Limits.WriterBytesMax
        );
        var receiver = new SnapshotReceiver(
            issued => world.Flaw.StoreOf(node.Disk.OpenShard(issued), this),
            node.Disused,
            node.IssuePrefix
        );
        Driver = new(this, Loop, writer, receiver, prefix);
        WatchStore();
        AppliedAtStart = Core.AppliedIndex;
        ObserveCommit(log.FirstIndex - 1);
    }

    public World World { get; }

    public SimulatedNode Node { get; }

    public ReplicaIdentity Identity { get; }

    public SimulatedGroup Group { get; }

    public DurableLog Book { get; }

    public ReplicaDriver Driver { get; }

    public ReplicaLoop Loop { get; }

    public ModelShard Shard { get; private set; }

    public RaftCore Core => Loop.Core;

    /// <summary>What its store held when it was started: that is committed, whatever its log says.</summary>
    public Exapyte.Raft.LogIndex AppliedAtStart { get; }

    public MemberId Id => new((ulong)Identity.ReplicaId);

    public GroupId LogId => new((ulong)Identity.ReplicaId);

    public GroupLog Log => log;

    public long NowMs => Node.NowMs;

    /// <summary>An input for the mailbox. It is worked on soon, together with what arrives until then.</summary>
    public void Post(ReplicaInput input)
    {
        inbox.Enqueue(input);
        if (!isWorkDue)
        {
            isWorkDue = true;
            World.Add(World.Chance.Below(300), EventKind.Work, Node, this);
        }
    }

    public void Post(Action<ReplicaLoop> call) => Post(ReplicaInput.Call(call));

    /// <summary>Works through the mailbox, as the thread of the real one does.</summary>
    public void Work()
    {
        isWorkDue = false;
        try
        {
            while (inbox.TryDequeue(out var input))
            {
                TellTime(input);
                limits.BeforeInput(Core, input);
                World.Flaw.BeforeInput(input, this);
                Driver.Take(World.Flaw.Alter(input, this));
                World.Flaw.AfterInput(input, this);
                Observe();
            }
            Driver.Advance();
            Observe();
            limits.Worked(Core);
            World.Flaw.AfterWork(this, waiting);
        }
        catch (ReplicaFailedException failure) when (Node.MayFail)
        {
            Driver.Fail(failure.Message);
            Node.ReplicaFailed(this);
        }
        catch (Exception failure)
            when (failure is RaftInvariantException or ReplicaFailedException or InvalidOperationException)
        {
            throw new ViolationException(
                "invariant",
                $"replica {Id}, {Core.Role} with {Core.CommitIndex} of {Core.LastIndex}: {failure.Message}"
            );
        }
        finally
        {
            AnswerClients();
        }
    }

    public void Tick()
    {
        World.Tally[Happening.ApplyingHeldUp] += Loop.IsHeldUp ? 1 : 0;
        if (!Loop.IsAsleep)
        {
            Post(ReplicaInput.Tick);
        }
        else if (Loop.IsHeldUp)
        {
            Post(static replica => replica.TryApplyAgain());
        }
        else if (Loop.Core.Leader is { IsNone: false } leader && !Node.HearsNodeOf(leader))
        {
            Post(static replica => replica.LeaderIsSilent());
        }
    }

    /// <summary>A message of another node, as <see cref="RaftReplica.Deliver"/> takes it.</summary>
    public void Deliver(PeerMessage message)
    {
        var from = new MemberId((ulong)message.FromReplicaId);
        switch (message.Kind)
        {
            case PeerMessageKind.SnapshotChunk when SnapshotPart.Decode(message.Payload) is { } part:
                World.Tally.Count(Happening.SnapshotParts);
                World.Tally[Happening.SnapshotsInParts] += part.Number > 0 ? 1 : 0;
                Post(_ => Driver.TakePart(World.Flaw.Alter(part), message.FromReplicaId));
                break;
            case PeerMessageKind.SnapshotReply when SnapshotReply.Decode(message.Payload) is { } reply:
                SnapshotAnswered(from, reply);
                break;
            case PeerMessageKind.Rest when RestNotice.Decode(message.Payload) is { } notice:
                Post(replica => replica.HearRest(from, notice));
                break;
            case PeerMessageKind.Raft when RaftMessageCodec.TryDecode(message.Payload, out var decoded):
                Hear(decoded);
                break;
            default:
                throw new ViolationException("wire", $"a message of {from} could not be read");
        }
    }

    /// <summary>A caller's batch has arrived.</summary>
    public void Arrive(ClientCall call)
    {
        if (Driver.Problem.Length > 0)
        {
            Group.Callers.Answered(call, OutcomeKind.Unavailable);
            return;
        }
        if (call.Read is { } read)
        {
            ArriveRead(call, read);
            return;
        }
        if (Driver.IsStuck || Loop.IsHeldUp || Node.Log.Health.Condition == LogCondition.DiskFull)
        {
            World.Tally.Count(Happening.WritesStuckOnFullDisk);
            Group.Callers.Answered(call, OutcomeKind.DiskFull);
            return;
        }
        if (!HasRoom)
        {
            Group.Callers.Answered(call, OutcomeKind.Overloaded);
            return;
        }
        waiting.Add(call);
        Post(ReplicaInput.Of(call.Write!));
    }

    /// <summary>The node has crashed: who waits here gets no answer.</summary>
    public void Die()
    {
        foreach (var call in waiting)
        {
            Group.Callers.Answered(call, call.Read is null ? OutcomeKind.Unknown : OutcomeKind.Unavailable);
        }
        waiting.Clear();
        Shard.Applied = null;
    }

    public void Synced(LogChange change)
    {
        if (!change.IsSnapshot)
        {
            Group.History.SawSynced(Book, change.Entries);
            if (change.Entries.Length > 0 && change.Entries[0].Index.Value <= Book.Last)
            {
                World.Tally.Count(Happening.Truncations);
            }
        }
        Book.Synced(change);
    }

    void IReplicaOutside.Send(RaftMessage message)
    {
        Observe();
        if (World.Flaw.AlterSent(message, this) is not { } sent)
        {
            return;
        }
        Group.History.SawMessage(sent, Core, Book);
        limits.Sent(sent, Core);
        Encode(sent);
        Retell(sent);
    }

    /// <summary>To a follower of whom the leader does not know where it stands, above all.</summary>
    private void Retell(RaftMessage sent)
    {
        if (sent.Kind != RaftMessageKind.Append || World.IsHealed)
        {
            return;
        }
        var isProbe = CoreDoor.LeaderOf(Core)?.Progress.Find(sent.To) is { State: ReplicationState.Probe };
        if (World.Chance.OneIn(isProbe ? 3 : 30) && Retelling.Of(sent, Core, World.Chance) is { } retold)
        {
            World.Tally.Count(Happening.Retellings);
            Encode(retold);
        }
    }

    private void Encode(RaftMessage message)
    {
        buffer.ResetWrittenCount();
        RaftMessageCodec.Encode(message, buffer);
        SendTo(message.To, PeerMessageKind.Raft, buffer.WrittenSpan.ToArray());
    }

    void IReplicaOutside.SendRest(RestNotice notice)
    {
        World.Tally.Count(Happening.Sleeps);
        foreach (var member in Core.Configuration.Members)
        {
            if (member != Id)
            {
                SendTo(member, PeerMessageKind.Rest, notice.Encode());
            }
        }
    }

    void IReplicaOutside.Ticked() { }

    void IReplicaOutside.LeadershipChanged()
    {
        if (Core.Role == RaftRole.Leader)
        {
            Group.LeaderSeen(this);
        }
        World.Trace.Note($"{Id} is {Core.Role} in {Core.Term}, leader {Core.Leader}");
    }

    private void Hear(RaftMessage message)
    {
        if (message is { Kind: RaftMessageKind.PreVoteResponse, Reject: false })
        {
            granted.Add(message);
        }
        if (message.Kind == RaftMessageKind.TimeoutNow)
        {
            granted.ToldToCampaign(message.Term);
        }
        if (!HasRoom)
        {
            // A full mailbox is to the core as if the message had been lost.
            return;
        }
        Post(ReplicaInput.Of(message));
    }

    private void SendTo(MemberId to, PeerMessageKind kind, byte[] payload) =>
        World.Network.Send(
            Node,
            to,
            new()
            {
                ToReplicaId = (long)to.Value,
                FromReplicaId = Identity.ReplicaId,
                Kind = kind,
                Payload = payload,
            }
        );

    private void WatchStore()
    {
        Shard.Applied = index =>
        {
            limits.Applying(Core);
            Observe();
            Group.History.SawApplied(Id, Shard, index);
        };
    }

    private void Observe()
    {
        if (Core.CommitIndex.Value > seenCommit)
        {
            ObserveCommit(seenCommit);
        }
        CoreChecks.RequireStableIsDurable(this);
        CoreChecks.RequireHardStateIsDurable(this);
        CoreChecks.RequireAppliedByCandidate(Core);
        var role = Core.Role;
        if (role == RaftRole.Leader && Core.Term.Value < Group.History.NewestLedTerm)
        {
            Leases.RequireLost(this);
        }
        if (role == seenRole && (role != RaftRole.Leader || Core.Term.Value == seenLedTerm))
        {
            return;
        }
        if (role is RaftRole.Candidate or RaftRole.Leader && seenRole is not (RaftRole.Candidate or RaftRole.Leader))
        {
            granted.RequireFor(Core);
        }
        seenRole = role;
        if (role == RaftRole.Leader && Core.Term.Value != seenLedTerm)
        {
            seenLedTerm = Core.Term.Value;
            Group.History.SawLeader(Core);
            Leases.RequireNoneBefore(Core, Group);
        }
    }

    private void ObserveCommit(ulong from)
    {
        Group.History.SawCommit(Core, from);
        seenCommit = Core.CommitIndex.Value;
    }

    private void AnswerClients()
    {
        for (var i = waiting.Count - 1; i >= 0; i--)
        {
            var call = waiting[i];
            if (!call.IsDone)
            {
                continue;
            }
            waiting.RemoveAt(i);
            if (call.Read is null)
            {
                Group.Callers.WriteEnded(call);
            }
            else
            {
                Group.Callers.ReadEnded(call, this);
            }
        }
    }
}
