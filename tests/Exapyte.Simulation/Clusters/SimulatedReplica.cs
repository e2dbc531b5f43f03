using System.Buffers;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Simulation.Clients;
using Exapyte.Simulation.Invariants;
using Exapyte.Simulation.Stores;
using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Simulation.Clusters;

/// <summary>
/// One life of one replica: the mailbox that production has in <see cref="RaftReplica"/>, in one thread. What it pumps, the
/// <see cref="RaftReplicaCore"/> and the <see cref="EffectExecutor"/> and all below them, is the real thing.
/// </summary>
internal sealed partial class SimulatedReplica : IReplicaWire
{
    private readonly Queue<Posted> inbox = new();
    private readonly List<ClientCall> waiting = [];
    private readonly ArrayBufferWriter<byte> buffer = new();
    private readonly GroupLog log;
    private readonly EffectExecutor executor;
    private readonly SnapshotSender sender;
    private readonly LimitWatch limits;
    private readonly ReplicaWatch watch;
    private readonly Turn turn = new();
    private bool isWorkDue;
    private bool isDead;

    /// <summary>An input, or a question to the consensus core that the replica has no input for.</summary>
    private readonly record struct Posted(ReplicaInput? Input, Action? Ask);

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
        var seed = world.Chance.Next();
        var writer = new ReplicaLogWriter(
            new SpiedLog(this, node, limits),
            LogId,
            submission => Post(new ReplicaInput.Logged(submission)),
            world.Limits.WriterBytesMax
        );
        Replica = new(
            new()
            {
                Identity = identity,
                Core = world.Flaw.CreateCore(this, machine, log, seed),
                Machine = machine,
                StorePrefix = prefix,
                Log = log,
                Writer = writer,
                Receiver = new(
                    issued => world.Flaw.StoreOf(node.Disk.OpenShard(issued), this),
                    node.Disused,
                    node.IssuePrefix
                ),
                Wire = this,
                Options = world.Options,
                Seed = seed,
            }
        );
        sender = new(this, node.SnapshotSlots, InBackground, Post);
        executor = new(Replica, writer, this, sender, new SimulatedReplicaNode(this), Post);
        WatchStore();
        AppliedAtStart = Core.AppliedIndex;
        watch = new(this, log.FirstIndex - 1);
    }

    public World World { get; }

    public SimulatedNode Node { get; }

    public ReplicaIdentity Identity { get; }

    public SimulatedGroup Group { get; }

    public DurableLog Book { get; }

    public RaftReplicaCore Replica { get; }

    public ReplicaView View => Replica.View;

    public ShardStateMachine Machine => Replica.Machine;

    /// <summary>Why it has stopped; empty while it is well.</summary>
    public string Problem => View.Health.Problem;

    public ModelShard Shard { get; private set; }

    public RaftCore Core => Replica.Core;

    /// <summary>What its store held when it was started: that is committed, whatever its log says.</summary>
    public Exapyte.Raft.LogIndex AppliedAtStart { get; }

    public MemberId Id => new((ulong)Identity.ReplicaId);

    public GroupId LogId => new((ulong)Identity.ReplicaId);

    public GroupLog Log => log;

    /// <summary>The map that it serves by; null before it was told of one.</summary>
    public KeyspaceMap? Map { get; private set; }

    public long NowMs => Node.NowMs;

    /// <summary>An input for the mailbox. It is worked on soon, together with what arrives until then.</summary>
    public void Post(ReplicaInput input) => Post(new Posted(input, null));

    /// <summary>Works through the mailbox, as the thread of the real one does.</summary>
    public void Work()
    {
        isWorkDue = false;
        try
        {
            while (inbox.TryDequeue(out var posted))
            {
                if (posted.Input is not { } input)
                {
                    posted.Ask!();
                    continue;
                }
                TellTime(input);
                limits.BeforeInput(Core, input);
                World.Flaw.BeforeInput(input, this);
                if (input is ReplicaInput.ChangeMembers)
                {
                    World.Flaw.BeforeConfiguration(this);
                }
                executor.Take(World.Flaw.Alter(input, this), NowMs);
                World.Flaw.AfterInput(input, this);
                watch.Observe();
            }
            executor.Drain(NowMs);
            watch.Observe();
            limits.Worked(Core);
            World.Flaw.AfterWork(this, waiting);
        }
        catch (ReplicaFailedException met) when (Node.MayFail)
        {
            // Whoever looks on meets the damage too, and before the replica does.
            executor.Take(new ReplicaInput.EffectFailed(met), NowMs);
        }
        finally
        {
            AnswerClients();
        }
    }

    public void Tick()
    {
        World.Tally[Happening.ApplyingHeldUp] += View.IsHeldUp ? 1 : 0;
        sender.Tick();
        if (View.InputOfTick(this) is { } input)
        {
            Post(input);
        }
    }

    /// <summary>The control plane places it by this map, and says that it still exists.</summary>
    public void UseMap(KeyspaceMap map)
    {
        Map = map;
        Post(new ReplicaInput.UseMap(map, IsConfirmed: true));
    }

    /// <summary>It takes no input any more, from this very moment.</summary>
    public void StopNow(string reason)
    {
        executor.Take(new ReplicaInput.Stop(reason), NowMs);
        AnswerClients();
    }

    /// <summary>A message of another node, as <see cref="RaftReplica.Deliver"/> takes it.</summary>
    public void Deliver(PeerMessage message)
    {
        if (ReplicaMessages.TryRead(message, out var input))
        {
            Deliver(input);
        }
        else if (ReplicaMessages.SnapshotReplyOf(message) is { } reply)
        {
            sender.Answered(new((ulong)message.FromReplicaId), reply);
        }
        else
        {
            throw new ViolationException("wire", $"a message of {message.FromReplicaId} could not be read");
        }
    }

    /// <summary>The node has crashed: who waits here gets no answer.</summary>
    public void Die()
    {
        foreach (var call in waiting)
        {
            Group.Callers.Answered(call, !call.Operation.IsRead ? OutcomeKind.Unknown : OutcomeKind.Unavailable);
        }
        waiting.Clear();
        Shard.Applied = null;
        isDead = true;
        if (Node.IsUp)
        {
            sender.Stop();
        }
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

    void IReplicaWire.Send(RaftMessage message)
    {
        watch.Observe();
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

    void IReplicaWire.Send(MemberId to, PeerMessageKind kind, byte[] payload)
    {
        World.Tally[Happening.Sleeps] += kind == PeerMessageKind.Rest ? 1 : 0;
        if (kind == PeerMessageKind.SnapshotChunk && SnapshotPart.Decode(payload) is { Number: 0 } part)
        {
            World.Tally.Count(Happening.SnapshotsSent);
            World.Trace.Note($"{Id} sends {to} a snapshot of {part.Head.Index}");
        }
        if (kind == PeerMessageKind.SnapshotReply && SnapshotReply.Decode(payload) is { } reply)
        {
            World.Tally[Happening.SnapshotPartsRefused] += reply.Status == SnapshotReplyStatus.Refused ? 1 : 0;
        }
        SendTo(to, kind, payload);
    }

    bool IReplicaWire.IsAlive(MemberId member) => World.PlaceOf(member) is { IsUp: true };

    bool IReplicaWire.IsSilent(MemberId member) => !Node.HearsNodeOf(member);

    private void Post(Posted posted)
    {
        if (isDead)
        {
            return;
        }
        inbox.Enqueue(posted);
        if (!isWorkDue)
        {
            isWorkDue = true;
            World.Add(World.Chance.Below(300), EventKind.Work, Node, this);
        }
    }

    private void InBackground(Action work) => World.Add(World.Chance.Below(2_000), EventKind.EndFault, Node, work);

    private void Encode(RaftMessage message)
    {
        buffer.ResetWrittenCount();
        RaftMessageCodec.Encode(message, buffer);
        SendTo(message.To, PeerMessageKind.Raft, buffer.WrittenSpan.ToArray());
    }

    private void Deliver(ReplicaInput input)
    {
        switch (input)
        {
            case ReplicaInput.Message message:
                Hear(message.Content);
                break;
            case ReplicaInput.PartArrived { Part: var part } arrived:
                World.Tally.Count(Happening.SnapshotParts);
                World.Tally[Happening.SnapshotsInParts] += part.Number > 0 ? 1 : 0;
                Post(arrived with { Part = World.Flaw.Alter(part) });
                break;
            default:
                Post(input);
                break;
        }
    }

    private void Hear(RaftMessage message)
    {
        watch.Heard(message);
        if (!HasRoom)
        {
            // A full mailbox is to the core as if the message had been lost.
            return;
        }
        Post(new ReplicaInput.Message(message));
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

    /// <summary>A snapshot has taken the place of its state.</summary>
    public void Installed(ulong index)
    {
        Shard.Applied = null;
        Shard = Node.Disk.OpenShard(View.StorePrefix);
        WatchStore();
        Group.History.SawApplied(Id, Shard, index);
    }

    private void WatchStore()
    {
        Shard.Applied = index =>
        {
            limits.Applying(Core);
            watch.Observe();
            Group.History.SawApplied(Id, Shard, index);
        };
    }

    private void AnswerClients()
    {
        turn.Run();
        for (var i = waiting.Count - 1; i >= 0; i--)
        {
            var call = waiting[i];
            if (call.IsDone)
            {
                waiting.RemoveAt(i);
                Group.Callers.Ended(call, this);
            }
        }
    }
}
