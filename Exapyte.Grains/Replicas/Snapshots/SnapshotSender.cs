using System.Collections.Concurrent;
using Exapyte.Grains.Nodes;
using Exapyte.Storage.Stores;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Snapshots;

/// <summary>
/// Streams snapshots from a leader to members that lag behind its log, one a member, part by part: each part is sent
/// again until the receiver asks for the next one, and given up after a while. Thread-safe.
/// </summary>
internal sealed class SnapshotSender(NodeServices node, ReplicaIdentity identity, Action<string> damaged)
{
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Before a member that refused a snapshot, for its disk is full, is sent another one.</summary>
    private static readonly TimeSpan PauseAfterRefusal = TimeSpan.FromSeconds(1);
    private const int AttemptsMax = 5;

    private readonly ConcurrentDictionary<long, Stream> streams = new();

    /// <summary>One sending under way.</summary>
    private sealed class Stream
    {
        private readonly Lock gate = new();
        private TaskCompletionSource<SnapshotReply> answer = Fresh();

        public long SnapshotId { get; init; }

        public void Answered(SnapshotReply reply)
        {
            lock (gate)
            {
                answer.TrySetResult(reply);
            }
        }

        public Task<SnapshotReply> Await()
        {
            lock (gate)
            {
                if (answer.Task.IsCompleted)
                {
                    answer = Fresh();
                }
                return answer.Task;
            }
        }

        private static TaskCompletionSource<SnapshotReply> Fresh() =>
            new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Begins to send; false where a snapshot for that member is under way, or the node sends enough already.</summary>
    /// <param name="toReplica">The member.</param>
    /// <param name="toNode">Its node.</param>
    /// <param name="source">The state; disposed when the sending ends, also where it does not begin.</param>
    /// <param name="ended">Told how it ended: whether the member has it.</param>
    public bool TryStart(long toReplica, string toNode, SnapshotSource source, Action<bool> ended)
    {
        var stream = new Stream { SnapshotId = source.Head.SnapshotId };
        if (!streams.TryAdd(toReplica, stream))
        {
            source.Dispose();
            return false;
        }
        if (!node.SnapshotSlots.Wait(0))
        {
            streams.TryRemove(toReplica, out _);
            source.Dispose();
            return false;
        }
        _ = Run(toReplica, toNode, stream, source, ended);
        return true;
    }

    /// <summary>An answer of a member arrived.</summary>
    public void Answered(long fromReplica, SnapshotReply reply)
    {
        if (streams.TryGetValue(fromReplica, out var stream) && stream.SnapshotId == reply.SnapshotId)
        {
            stream.Answered(reply);
        }
    }

    private async Task Run(long toReplica, string toNode, Stream stream, SnapshotSource source, Action<bool> ended)
    {
        await Task.Yield();
        var status = SnapshotReplyStatus.Wanted;
        try
        {
            status = await Send(toReplica, toNode, stream, source);
        }
        catch (StoreDamagedException met)
        {
            // What was sent so far never counts without its end; whoever leads next sends a state of its own.
            damaged(met.Message);
        }
        finally
        {
            source.Dispose();
            node.SnapshotSlots.Release();
        }
        if (status == SnapshotReplyStatus.Refused)
        {
            await Task.Delay(PauseAfterRefusal, node.Time);
        }
        streams.TryRemove(toReplica, out _);
        ended(status == SnapshotReplyStatus.Done);
    }

    /// <summary>How the sending ended; still wanted where no answer came.</summary>
    private async Task<SnapshotReplyStatus> Send(long toReplica, string toNode, Stream stream, SnapshotSource source)
    {
        while (true)
        {
            var part = source.Next();
            if (await SendUntilTaken(toReplica, toNode, stream, part) is not { } reply)
            {
                return SnapshotReplyStatus.Wanted;
            }
            if (reply.Status != SnapshotReplyStatus.Wanted)
            {
                return reply.Status;
            }
        }
    }

    private async Task<SnapshotReply?> SendUntilTaken(long toReplica, string toNode, Stream stream, SnapshotPart part)
    {
        var payload = part.Encode();
        for (var attempt = 0; attempt < AttemptsMax; attempt++)
        {
            var answer = stream.Await();
            node.Peers.Send(
                toNode,
                new()
                {
                    ToReplicaId = toReplica,
                    FromReplicaId = identity.ReplicaId,
                    Kind = PeerMessageKind.SnapshotChunk,
                    Payload = payload,
                }
            );
            try
            {
                while (true)
                {
                    var reply = await answer.WaitAsync(AnswerTimeout, node.Time);
                    if (reply.Status != SnapshotReplyStatus.Wanted || reply.NextPart > part.Number)
                    {
                        return reply;
                    }
                    answer = stream.Await();
                }
            }
            catch (TimeoutException)
            {
                // The part or its answer was lost, or the receiver is slow: send it again, it is idempotent.
            }
        }
        return null;
    }
}
