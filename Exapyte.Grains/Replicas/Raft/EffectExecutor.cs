using Exapyte.Grains.Replicas.Log;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Raft;
using Exapyte.Storage.Log;
using Exapyte.Wire;

namespace Exapyte.Grains.Replicas.Raft;

/// <summary>
/// Steps a <see cref="RaftReplicaCore"/> and executes what it asks for, in this order: log, send, the rare things, answer. The
/// only place at which a raft replica does anything to the world. Used by one thread at a time.
/// </summary>
/// <param name="core">What is stepped.</param>
/// <param name="writer">The way into the log.</param>
/// <param name="wire">The way to the other members.</param>
/// <param name="sender">Sends snapshots.</param>
/// <param name="node">All else that effects reach.</param>
/// <param name="post">Posts an input; for any thread.</param>
internal sealed class EffectExecutor(
    RaftReplicaCore core,
    ReplicaLogWriter writer,
    IReplicaWire wire,
    SnapshotSender sender,
    IReplicaNode node,
    Action<ReplicaInput> post
)
{
    /// <summary>Takes an input.</summary>
    /// <param name="input">What happened.</param>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public void Take(ReplicaInput input, long nowMs) => Execute(core.Step(input, nowMs), nowMs);

    /// <summary>No other input waits: does all that can be done.</summary>
    /// <param name="nowMs">The node's time, Unix milliseconds.</param>
    public void Drain(long nowMs)
    {
        bool isUnfinished;
        do
        {
            var effects = core.Step(ReplicaInput.Drained.Now, nowMs);
            isUnfinished = effects.IsUnfinished;
            Execute(effects, nowMs);
        } while (isUnfinished);
    }

    private void Execute(ReplicaEffects effects, long nowMs)
    {
        try
        {
            ExecuteInOrder(effects);
        }
        catch (Exception met)
        {
            Answer(effects);
            ExecuteInOrder(core.Step(new ReplicaInput.EffectFailed(met), nowMs));
        }
    }

    private void ExecuteInOrder(ReplicaEffects effects)
    {
        foreach (var write in effects.Writes)
        {
            writer.Submit(write);
        }
        foreach (var message in effects.Messages)
        {
            wire.Send(message);
        }
        while (effects.Others.TryDequeue(out var other))
        {
            Execute(other);
        }
        Answer(effects);
    }

    private static void Answer(ReplicaEffects effects)
    {
        foreach (var (write, verdict) in effects.WriteAnswers)
        {
            write.Complete(verdict);
        }
        foreach (var (read, verdict) in effects.ReadAnswers)
        {
            read.Complete(verdict);
        }
    }

    private void Execute(ReplicaEffect effect)
    {
        switch (effect)
        {
            case ReplicaEffect.TellAtRest rest:
                TellAtRest(rest);
                break;
            case ReplicaEffect.SendSnapshot snapshot:
                SendSnapshot(snapshot.To);
                break;
            case ReplicaEffect.AnswerPart answer:
                wire.Send(new((ulong)answer.ToReplica), PeerMessageKind.SnapshotReply, answer.Reply.Encode());
                break;
            case ReplicaEffect.FlushForSnapshot flush:
                node.FlushForSnapshot(flush.Received, flush.FromReplica);
                break;
            case ReplicaEffect.RecordSnapshot record:
                Record(record.Received, record.FromReplica);
                break;
            case ReplicaEffect.SnapshotInstalled installed:
                node.Installed(installed.Head, installed.ReplacedPrefix);
                break;
            case ReplicaEffect.KeysChanged changed:
                node.KeysChanged(changed.Keys, core.View);
                break;
            case ReplicaEffect.CompactLog compact:
                writer.Log.Compact(writer.Group, compact.Through.Value, compact.Term.Value);
                break;
            case ReplicaEffect.CompareStates compare:
                node.Compare(compare.Pin);
                break;
            case ReplicaEffect.BearChild child:
                node.BearChild(child.Split, core.View.StorePrefix);
                break;
            case ReplicaEffect.PinState pin:
                node.Pin(pin.Pending, core.View);
                break;
            case ReplicaEffect.LeadershipChanged:
                node.LeadershipChanged(core.View);
                break;
            case ReplicaEffect.MembersChanging changing:
                node.MembersChanging(changing.From, changing.Change);
                break;
            case ReplicaEffect.Failed failed:
                node.Failed(failed.Cause, failed.ServesReads);
                break;
            case ReplicaEffect.Condemned condemned:
                node.Condemned(condemned.Reason);
                break;
            case ReplicaEffect.Degraded degraded:
                node.Degraded(degraded.Reason);
                break;
            case ReplicaEffect.TellStopped stopped:
                stopped.Stopped.TrySetResult();
                break;
            default:
                throw new InvalidOperationException($"Nobody executes {effect}.");
        }
    }

    private void TellAtRest(ReplicaEffect.TellAtRest rest)
    {
        var payload = rest.Notice.Encode();
        foreach (var member in rest.Members)
        {
            if (member != core.Core.Id)
            {
                wire.Send(member, PeerMessageKind.Rest, payload);
            }
        }
    }

    private void SendSnapshot(MemberId to)
    {
        // Here, between two steps, and in the background from then on.
        var index = core.View.AppliedIndex;
        if (!wire.IsAlive(to) || !sender.TryStart(to, index, core.OpenSnapshot))
        {
            post(new ReplicaInput.SnapshotSent(to, index, IsReceived: false));
        }
    }

    private void Record(SnapshotReceiver.Received received, long fromReplica)
    {
        var head = received.Head;
        writer.Log.SnapshotInstalled(
            writer.Group,
            received.Prefix,
            head.Index,
            head.Term,
            head.Configuration,
            new Recorded(received, fromReplica, post)
        );
    }

    /// <summary>The log has the record of a snapshot, or has not. Called by the log.</summary>
    private sealed class Recorded(SnapshotReceiver.Received received, long fromReplica, Action<ReplicaInput> post)
        : ILogCompletion
    {
        public void Complete(LogAppendResult result) =>
            post(
                new ReplicaInput.SnapshotRecorded(
                    received,
                    fromReplica,
                    result.IsOk ? null : $"The install of a snapshot was not made durable: {result.Reason}"
                )
            );
    }
}
