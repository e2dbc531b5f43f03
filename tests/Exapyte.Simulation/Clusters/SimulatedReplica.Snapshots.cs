using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Simulation.Invariants;
using Exapyte.Storage.Log;
using Exapyte.Wire;
using LogIndex = Exapyte.Raft.LogIndex;

namespace Exapyte.Simulation.Clusters;

/// <summary>Snapshots: what production does in tasks with timeouts is done here by events.</summary>
internal sealed partial class SimulatedReplica
{
    private const int AttemptsMax = 5;
    private const int AnswerTimeoutUs = 500_000;

    private readonly SortedDictionary<MemberId, Stream> streams = [];

    /// <summary>The log is told of a snapshot, or knows of it, and the core does not yet.</summary>
    public bool IsInstalling { get; private set; }

    /// <summary>A snapshot on its way to one member.</summary>
    private sealed class Stream(MemberId to, LogIndex index, SnapshotSource source)
    {
        public MemberId To => to;

        public LogIndex Index => index;

        public SnapshotSource Source => source;

        public SnapshotPart Part { get; set; } = source.Next();

        public int Attempt { get; set; }
    }

    void IReplicaOutside.SendSnapshot(SnapshotRequest request)
    {
        var index = Loop.Machine.Applied;
        if (streams.ContainsKey(request.To) || log.TermAt(index.Value) is not { } term)
        {
            Core.SnapshotFailed(request.To);
            return;
        }
        World.Tally.Count(Happening.SnapshotsSent);
        World.Trace.Note($"{Id} sends {request.To} a snapshot of {index}");
        var source = new SnapshotSource(
            Loop.Machine,
            (long)World.Chance.Next(),
            new(term),
            Core.Configuration,
            World.Weather.PartBytesMax
        );
        var stream = new Stream(request.To, index, source);
        streams.Add(request.To, stream);
        SendPart(stream);
    }

    void IReplicaOutside.AnswerSnapshot(long toReplica, SnapshotReply reply)
    {
        World.Tally[Happening.SnapshotPartsRefused] += reply.Status == SnapshotReplyStatus.Refused ? 1 : 0;
        SendTo(new((ulong)toReplica), PeerMessageKind.SnapshotReply, reply.Encode());
    }

    void IReplicaOutside.FlushForSnapshot(SnapshotReceiver.Received received, long fromReplica) =>
        World.Add(Node.DiskDelayUs(), EventKind.FlushedForSnapshot, Node, (this, received, fromReplica));

    /// <summary>The time that a flush takes has passed.</summary>
    public void FlushedForSnapshot(SnapshotReceiver.Received received, long fromReplica)
    {
        if (Node.Disk.IsFull || (!World.IsHealed && World.Chance.OneIn(20)))
        {
            World.Tally.Count(Happening.SnapshotFlushesFailed);
            Post(_ => Driver.DropSnapshot(received, fromReplica));
            return;
        }
        World.Flaw.FlushForSnapshot(Node);
        Post(_ => Driver.Install(received, fromReplica));
    }

    void IReplicaOutside.RecordSnapshot(SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        var change = new LogChange(null, [], Node.NextOrder(), head.Index, head.Term);
        IsInstalling = true;
        World.Trace.Note(
            $"{Id}, {Core.Role} with {Core.CommitIndex} of {Core.LastIndex}, records a snapshot of {head.Index}"
        );
        Book.Submitted(change);
        Node.Log.SnapshotInstalled(
            LogId,
            received.Prefix,
            head.Index,
            head.Term,
            head.Configuration,
            new Completed(result => Recorded(result, change, received, fromReplica))
        );
        Node.LogHasWork(mustSync: true);
    }

    void IReplicaOutside.Installed(SnapshotHead head, ulong replacedPrefix)
    {
        World.Tally.Count(Happening.SnapshotsInstalled);
        IsInstalling = false;
        World.Trace.Note($"{Id} has installed a snapshot of {head.Index}");
        Shard.Applied = null;
        Shard = Node.Disk.OpenShard(Driver.StorePrefix);
        WatchStore();
        Group.History.SawApplied(Id, Shard, head.Index);
        Node.Disused(replacedPrefix);
    }

    /// <summary>No answer came in time.</summary>
    public void ResendPart(MemberId to, int part, int attempt)
    {
        if (!streams.TryGetValue(to, out var stream) || stream.Part.Number != part || stream.Attempt != attempt)
        {
            return;
        }
        if (++stream.Attempt == AttemptsMax)
        {
            EndSending(stream, received: false);
            return;
        }
        SendPart(stream);
    }

    private void Recorded(
        LogAppendResult result,
        LogChange change,
        SnapshotReceiver.Received received,
        long fromReplica
    )
    {
        if (result.IsOk)
        {
            Synced(change);
            Node.Answer(() => Post(_ => Driver.FinishInstall(received, fromReplica)));
            return;
        }
        Book.Failed(change, result.Status);
        var reason = result.Reason ?? "";
        Node.Answer(() =>
            Post(_ =>
            {
                var forGood = Node.Log.Health.Condition == LogCondition.Failed;
                Driver.AbortInstall(received, fromReplica, reason, forGood);
                IsInstalling = false;
            })
        );
    }

    private void SnapshotAnswered(MemberId from, SnapshotReply reply)
    {
        if (!streams.TryGetValue(from, out var stream) || stream.Source.Head.SnapshotId != reply.SnapshotId)
        {
            return;
        }
        if (reply.Status != SnapshotReplyStatus.Wanted)
        {
            EndSending(stream, reply.Status == SnapshotReplyStatus.Done);
        }
        else if (reply.NextPart > stream.Part.Number && !stream.Part.IsLast)
        {
            stream.Part = stream.Source.Next();
            stream.Attempt = 0;
            SendPart(stream);
        }
    }

    private void SendPart(Stream stream)
    {
        SendTo(stream.To, PeerMessageKind.SnapshotChunk, stream.Part.Encode());
        World.Add(
            AnswerTimeoutUs,
            EventKind.ResendSnapshot,
            Node,
            (this, stream.To, stream.Part.Number, stream.Attempt)
        );
    }

    private void EndSending(Stream stream, bool received)
    {
        stream.Source.Dispose();
        streams.Remove(stream.To);
        World.Trace.Note($"{Id} ends its snapshot to {stream.To}: {received}");
        Post(replica =>
        {
            if (received)
            {
                replica.Core.SnapshotSent(stream.To, stream.Index);
            }
            else
            {
                replica.Core.SnapshotFailed(stream.To);
            }
        });
    }
}
