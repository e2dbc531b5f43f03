using Exapyte.Operations;
using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>
/// The half of a raft replica that has no thread, timer or socket: takes inputs one at a time, steps the
/// <see cref="ReplicaLoop"/> and does what it asks for, in this order: log, send, and (inside the loop) apply and answer.
/// <see cref="RaftReplica"/> pumps it in production, the simulator in tests. Used by one thread at a time, but for
/// <see cref="Problem"/>, <see cref="StorePrefix"/> and <see cref="Prefixes"/>, which any may read.
/// </summary>
internal sealed partial class ReplicaDriver(
    IReplicaOutside outside,
    ReplicaLoop loop,
    ReplicaLogWriter writer,
    Snapshots.SnapshotReceiver receiver,
    ulong storePrefix
)
{
    private readonly ReplicaEffects effects = new();
    private volatile string problem = "";

    /// <summary>The loop that is driven.</summary>
    public ReplicaLoop Loop => loop;

    /// <summary>Where the state is in the node's store.</summary>
    public ulong StorePrefix { get; private set; } = storePrefix;

    /// <summary>All prefixes that the replica uses: a snapshot that is being received has one of its own.</summary>
    public IReadOnlyList<ulong> Prefixes =>
        // In this order: what is installed meanwhile is in both.
        receiver.Prefix
            is { } receiving
            ? [receiving, StorePrefix]
            : [StorePrefix];

    /// <summary>Why the replica has stopped; empty while it is well.</summary>
    public string Problem => problem;

    /// <summary>Whether writes wait for space on the disk.</summary>
    public bool IsStuck => writer.IsStuck;

    /// <summary>Takes one input. A broken invariant, a failed disk or damage throws: then <see cref="Fail"/> it.</summary>
    public void Take(ReplicaInput input)
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
                writer.Retry();
                loop.Tick(outside.NowMs);
                outside.Ticked();
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
                    Persisted(submission.Write.WriteId);
                }
                break;
            default:
                ((Action<ReplicaLoop>)input.Subject!)(loop);
                break;
        }
    }

    /// <summary>Steps the loop until nothing is left to do. Throws as <see cref="Take"/> does.</summary>
    public void Advance()
    {
        try
        {
            while (problem.Length == 0 && !isInstalling && loop.Advance(outside.NowMs, effects))
            {
                Dispatch();
                effects.Clear();
            }
        }
        finally
        {
            effects.Clear();
        }
    }

    /// <summary>The replica stops: everybody who waits is told, and whoever comes.</summary>
    public void Fail(string reason)
    {
        if (problem.Length == 0)
        {
            problem = reason;
        }
        loop.Abandon(reason);
    }

    private void Dispatch()
    {
        foreach (var write in effects.Writes)
        {
            writer.Submit(write);
        }
        foreach (var message in effects.Messages)
        {
            outside.Send(message);
        }
        if (effects.FallsAsleep)
        {
            outside.SendRest(new(loop.Core.Term, loop.Core.LastIndex));
        }
        foreach (var request in effects.Snapshots)
        {
            outside.SendSnapshot(request);
        }
        foreach (var pin in effects.Scrubs)
        {
            outside.Scrub(pin);
        }
        effects.Scrubs.Clear();
        if (effects.LeadershipChanged)
        {
            outside.LeadershipChanged();
        }
    }

    /// <summary>Who waits is told; messages and ticks are passed over, as if they had been lost.</summary>
    private static void Refuse(ReplicaInput input, string reason)
    {
        (input.Subject as PendingWrite)?.Refuse(OutcomeKind.Unavailable, reason);
        (input.Subject as PendingRead)?.Refuse(OutcomeKind.Unavailable, reason);
    }
}
