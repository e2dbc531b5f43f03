using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Raft;
using Exapyte.Operations;

namespace Exapyte.Simulation.Clients;

/// <summary>How a caller wants to read.</summary>
internal enum ReadWay : byte
{
    /// <summary>It writes.</summary>
    None,

    /// <summary>At the leader, which proves that it leads.</summary>
    Proven,

    /// <summary>At the leader, which need not prove it while its lease lasts.</summary>
    Lease,

    /// <summary>At any member, which asks the leader from which index it may answer.</summary>
    Anywhere,

    /// <summary>At any voter, as it is.</summary>
    Eventual,
}

/// <summary>What a caller wants done, over however many attempts that takes.</summary>
internal sealed class ClientOperation(int client, Operation[] operations, ReadWay way, bool atomic)
{
    public int Client => client;

    public Operation[] Operations => operations;

    public bool IsRead => way != ReadWay.None;

    public ReadWay Way => way;

    /// <summary>Whether any member will do.</summary>
    public bool IsForAnyMember => way is ReadWay.Anywhere or ReadWay.Eventual;

    public bool Atomic => atomic;

    /// <summary>When it began, on the history's own clock.</summary>
    public long BeganAt { get; init; }

    public int Attempts { get; set; }

    /// <summary>An earlier attempt may have had its effect.</summary>
    public bool MayHaveHappened { get; set; }

    public bool IsEnded { get; set; }

    public string FirstKey => System.Text.Encoding.UTF8.GetString(operations[0].Key.Span);

    public bool HasRequestId => operations[0].RequestId is not null;

    public override string ToString() =>
        string.Join(
            '+',
            operations.Select(operation =>
                $"{operation.Kind} {System.Text.Encoding.UTF8.GetString(operation.Key.Span)}"
                + (
                    operation.Value.IsEmpty ? ""
                    : operation.Kind == OperationKind.Increment ? $"+{Encoding.UTF8.GetString(operation.Value.Span)}"
                    : $"={BitConverter.ToUInt64(operation.Value.Span)}"
                )
                + (operation.RequestId is null ? "" : $" ({operation.RequestId})")
            )
        )
        + (atomic ? " atomic" : "")
        + (IsRead ? $" {way}" : "");
}

/// <summary>One attempt at one replica.</summary>
internal sealed class ClientCall(
    Callers callers,
    ClientOperation operation,
    Raft.MemberId replica,
    OperationBatch batch
)
{
    private Task<ReplicaAnswer>? answer;

    /// <summary>Whose call it is.</summary>
    public Callers Callers => callers;

    public ClientOperation Operation => operation;

    public Raft.MemberId Replica => replica;

    /// <summary>What became of the operations, once it <see cref="IsDone"/>.</summary>
    public OperationOutcome[] Outcomes => answer!.Result.Outcomes;

    /// <summary>The write that it has made of itself in the replica's mailbox; null where it did not get there.</summary>
    public PendingWrite? Write { get; set; }

    /// <summary>The question for a proof, as <see cref="Write"/>.</summary>
    public PendingRead? Read { get; set; }

    /// <summary>The index that a read may not be older than.</summary>
    public ulong Floor { get; set; }

    /// <summary>The replica's time when it arrived, Unix milliseconds.</summary>
    public long ArrivedMs { get; set; }

    /// <summary>The log was to be told the time before it is answered: an entry was met whose end only the clock has passed.</summary>
    public bool IsToldTheTime { get; set; }

    /// <summary>The caller has given this attempt up, or has been answered.</summary>
    public bool IsSettled { get; set; }

    public bool IsDone => answer is { IsCompleted: true };

    /// <summary>It has arrived at a replica.</summary>
    public void Begin(ReplicaCalls calls) => answer = calls.Execute(batch).AsTask();
}
