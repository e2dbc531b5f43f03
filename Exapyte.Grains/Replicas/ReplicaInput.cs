using Exapyte.Raft;

namespace Exapyte.Grains.Replicas;

/// <summary>What can happen to a raft replica.</summary>
internal enum ReplicaInputKind : byte
{
    /// <summary>A tick of the node's clock.</summary>
    Tick,

    /// <summary>A message of another member.</summary>
    Message,

    /// <summary>A batch of writes.</summary>
    Write,

    /// <summary>A linearizable read.</summary>
    Read,

    /// <summary>A log write is durable, or has failed.</summary>
    Logged,

    /// <summary>Anything rare, as a call on the loop's thread.</summary>
    Call,
}

/// <summary>One input of a raft replica, in the order in which it arrived.</summary>
internal readonly record struct ReplicaInput(ReplicaInputKind Kind, object? Subject)
{
    public static readonly ReplicaInput Tick = new(ReplicaInputKind.Tick, null);

    public static ReplicaInput Of(RaftMessage message) => new(ReplicaInputKind.Message, message);

    public static ReplicaInput Of(PendingWrite write) => new(ReplicaInputKind.Write, write);

    public static ReplicaInput Of(PendingRead read) => new(ReplicaInputKind.Read, read);

    public static ReplicaInput Call(Action<ReplicaLoop> call) => new(ReplicaInputKind.Call, call);
}
