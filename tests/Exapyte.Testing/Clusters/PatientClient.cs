using System.Collections.Concurrent;
using System.Diagnostics;
using Exapyte.Client;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Testing.Clusters;

/// <summary>
/// A client that asks again while the cluster does not say what happened: for tests that have just taken a node away or
/// brought one, and only for those. An answer that says something is passed on as it is. Thread-safe.
/// </summary>
/// <remarks>
/// A write to a raft keyspace gets a request id, so that it happens once however often it is sent. Elsewhere it may be
/// stamped more than once.
/// </remarks>
public sealed class PatientClient(IExapyteClient client) : IExapyteClient
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    private readonly ConcurrentDictionary<string, bool> isRaft = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CancellationToken cancellationToken = default
    ) => ExecuteAsync(keyspace, operation, default, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<OperationResult> ExecuteAsync(
        string keyspace,
        Operation operation,
        CallOptions call,
        CancellationToken cancellationToken = default
    )
    {
        var asked = await Repeatable(keyspace, operation, cancellationToken);
        return await Insist(
            () => client.ExecuteAsync(keyspace, asked, call, cancellationToken),
            result => result.Outcome.Kind,
            cancellationToken
        );
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<ChangesPart> WatchAsync(
        string keyspace,
        ChangesQuery query,
        CancellationToken cancellationToken = default
    ) => client.WatchAsync(keyspace, query, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CancellationToken cancellationToken = default
    ) => client.ExecuteBatchAsync(keyspace, operations, atomic, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<OperationResult[]> ExecuteBatchAsync(
        string keyspace,
        IReadOnlyList<Operation> operations,
        bool atomic,
        CallOptions call,
        CancellationToken cancellationToken = default
    ) => client.ExecuteBatchAsync(keyspace, operations, atomic, call, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ScanPage> ScanAsync(
        string keyspace,
        ScanQuery query,
        CancellationToken cancellationToken = default
    ) => Insist(() => client.ScanAsync(keyspace, query, cancellationToken), page => page.Kind, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<SnapshotPart> ReadSnapshotAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    ) => client.ReadSnapshotAsync(keyspace, cancellationToken);

    /// <inheritdoc/>
    public Task<KeyspaceReply> PutKeyspaceAsync(
        string keyspace,
        KeyspaceSettings settings,
        CancellationToken cancellationToken = default
    ) => client.PutKeyspaceAsync(keyspace, settings, cancellationToken);

    /// <inheritdoc/>
    public Task<KeyspaceReply> GetKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default) =>
        client.GetKeyspaceAsync(keyspace, cancellationToken);

    /// <inheritdoc/>
    public Task<KeyspaceReply> DeleteKeyspaceAsync(string keyspace, CancellationToken cancellationToken = default) =>
        client.DeleteKeyspaceAsync(keyspace, cancellationToken);

    /// <inheritdoc/>
    public Task<string[]> ListKeyspacesAsync(CancellationToken cancellationToken = default) =>
        client.ListKeyspacesAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ClusterTopology> GetTopologyAsync(CancellationToken cancellationToken = default) =>
        client.GetTopologyAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<ShardStatus>?> GetShardsAsync(
        string keyspace,
        CancellationToken cancellationToken = default
    ) => client.GetShardsAsync(keyspace, cancellationToken);

    /// <inheritdoc/>
    public Task<Usage?> GetUseAsync(KeyspaceMap map, CancellationToken cancellationToken = default) =>
        client.GetUseAsync(map, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<KeyspaceMap?> GetMapAsync(string keyspace, CancellationToken cancellationToken = default) =>
        client.GetMapAsync(keyspace, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<string>> GetReasonsNotReadyAsync(CancellationToken cancellationToken = default) =>
        client.GetReasonsNotReadyAsync(cancellationToken);

    private async ValueTask<Operation> Repeatable(string keyspace, Operation operation, CancellationToken cancellation)
    {
        if (!operation.IsWrite || operation.RequestId is not null)
        {
            return operation;
        }
        if (!isRaft.TryGetValue(keyspace, out var takesIds))
        {
            var found = await client.GetKeyspaceAsync(keyspace, cancellation);
            takesIds = found.Map?.Settings.Replication == ReplicationKind.Raft;
            isRaft[keyspace] = takesIds;
        }
        return takesIds ? WithRequestId(operation) : operation;
    }

    private static Operation WithRequestId(Operation operation) =>
        new()
        {
            Kind = operation.Kind,
            Key = operation.Key,
            Value = operation.Value,
            ContentType = operation.ContentType,
            TtlMs = operation.TtlMs,
            ExpiresAtMs = operation.ExpiresAtMs,
            Condition = operation.Condition,
            Level = operation.Level,
            RequestId = $"{Guid.NewGuid()}",
        };

    private static async ValueTask<T> Insist<T>(
        Func<ValueTask<T>> ask,
        Func<T, OutcomeKind> kindOf,
        CancellationToken cancellation
    )
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            var answer = await ask();
            if (SaysWhatHappened(kindOf(answer)) || Stopwatch.GetElapsedTime(since) > Patience)
            {
                return answer;
            }
            await Task.Delay(Pause, cancellation);
        }
    }

    private static bool SaysWhatHappened(OutcomeKind kind) =>
        kind
            is not (
                OutcomeKind.Unavailable
                or OutcomeKind.Unknown
                or OutcomeKind.Overloaded
                or OutcomeKind.DeadlineExceeded
            );
}
