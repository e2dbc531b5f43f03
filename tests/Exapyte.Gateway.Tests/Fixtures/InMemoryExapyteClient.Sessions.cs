using Exapyte.Client;
using Exapyte.Operations;

namespace Exapyte.Gateway.Tests.Fixtures;

/// <summary>Calls that take part in sessions.</summary>
internal sealed partial class InMemoryExapyteClient
{
    /// <summary>What sessions had seen of their keyspace when they came with a call, the last one at the end.</summary>
    public List<SessionMark[]?> Sessions { get; } = [];

    public async ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CallOptions call,
        CancellationToken cancellationToken = default
    )
    {
        var result = await ExecuteAsync(keyspace, operation, cancellationToken);
        Note(keyspace, call.Session);
        return result;
    }

    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CallOptions call,
        CancellationToken cancellationToken = default
    )
    {
        Note(keyspace, call.Session);
        return ExecuteBatchAsync(keyspace, operations, atomic, cancellationToken);
    }

    /// <summary>Every call that takes part in a session sees one revision more.</summary>
    private void Note(string keyspace, ClientSession? session)
    {
        lock (gate)
        {
            if (session is null || !keyspaces.TryGetValue(keyspace, out var space))
            {
                return;
            }
            var seen = session.SeenOf(space.Map.KeyspaceId, 1);
            Sessions.Add(seen);
            session.Saw(space.Map.KeyspaceId, 1, new(0, (seen?[0].Revision ?? 0) + 1));
        }
    }
}
