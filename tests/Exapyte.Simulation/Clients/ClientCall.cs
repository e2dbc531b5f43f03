using Exapyte.Grains.Replicas;
using Exapyte.Operations;

namespace Exapyte.Simulation.Clients;

/// <summary>What a caller wants done, over however many attempts that takes.</summary>
internal sealed class ClientOperation(int client, Operation[] operations, bool isRead, bool atomic)
{
    public int Client => client;

    public Operation[] Operations => operations;

    public bool IsRead => isRead;

    public bool Atomic => atomic;

    /// <summary>When it began, on the history's own clock.</summary>
    public long BeganAt { get; init; }

    public int Attempts { get; set; }

    /// <summary>An earlier attempt may have had its effect.</summary>
    public bool MayHaveHappened { get; set; }

    public bool IsEnded { get; set; }

    public bool HasRequestId => operations[0].RequestId is not null;

    public override string ToString() =>
        string.Join(
            '+',
            operations.Select(operation =>
                $"{operation.Kind} {System.Text.Encoding.UTF8.GetString(operation.Key.Span)}"
                + (operation.Value.IsEmpty ? "" : $"={BitConverter.ToUInt64(operation.Value.Span)}")
                + (operation.RequestId is null ? "" : $" ({operation.RequestId})")
            )
        ) + (atomic ? " atomic" : "");
}

/// <summary>One attempt at one replica.</summary>
internal sealed class ClientCall(
    Callers callers,
    ClientOperation operation,
    Raft.MemberId replica,
    PendingWrite? write,
    PendingRead? read
)
{
    /// <summary>Whose call it is.</summary>
    public Callers Callers => callers;

    public ClientOperation Operation => operation;

    public Raft.MemberId Replica => replica;

    public PendingWrite? Write => write;

    public PendingRead? Read => read;

    /// <summary>The index that a read may not be older than.</summary>
    public ulong Floor { get; set; }

    /// <summary>The caller has given this attempt up, or has been answered.</summary>
    public bool IsSettled { get; set; }

    public bool IsDone => write?.IsDone ?? read!.Completion.IsCompleted;
}
