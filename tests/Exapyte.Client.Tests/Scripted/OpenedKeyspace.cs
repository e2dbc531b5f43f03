using Exapyte.Operations;

namespace Exapyte.Client.Tests.Scripted;

/// <summary>A client, the keyspace that a test works on and the time that passes there; calls end with the test.</summary>
internal sealed class OpenedKeyspace(ExapyteClient client, string keyspace, StoppedTime? time = null) : IAsyncDisposable
{
    public ExapyteClient Client => client;

    public string Keyspace => keyspace;

    private static CancellationToken OfTest => TestContext.Current.CancellationToken;

    public Task<OperationResult> Put(
        string key,
        string value = "v",
        WriteCondition? condition = null,
        CancellationToken? token = null
    ) => client.PutAsync(keyspace, key, value, null, condition, token ?? OfTest).AsTask();

    public Task<OperationResult> Put(byte[] key, byte[] value) =>
        client.PutAsync(keyspace, key, value, cancellationToken: OfTest).AsTask();

    public Task<OperationResult> Get(string key, ConsistencyLevel level = ConsistencyLevel.Default) =>
        client.GetAsync(keyspace, key, level, OfTest).AsTask();

    public Task<OperationResult> Get(byte[] key) => client.GetAsync(keyspace, key, cancellationToken: OfTest).AsTask();

    public Task<OperationResult> Delete(string key) =>
        client.DeleteAsync(keyspace, key, cancellationToken: OfTest).AsTask();

    public Task<OperationResult> Run(Operation operation) => client.ExecuteAsync(keyspace, operation, OfTest).AsTask();

    public Task<OperationResult[]> Batch(IReadOnlyList<Operation> operations, bool atomic = false) =>
        client.ExecuteBatchAsync(keyspace, operations, atomic, OfTest).AsTask();

    public Task<ScanPage> Scan(ScanQuery query) => client.ScanAsync(keyspace, query, OfTest).AsTask();

    public async ValueTask DisposeAsync()
    {
        var disposal = client.DisposeAsync().AsTask();
        await (time?.PassAsync(disposal) ?? disposal);
    }
}
