using Orleans.Storage;

namespace Exapyte.Hosting.Clustering;

/// <summary>
/// Lets one storage operation at a time reach SQLite, on a thread of the pool. The driver is synchronous: without this
/// a grain's thread would sit in <c>fdatasync</c>, and every waiting writer would hold a thread of its own.
/// </summary>
internal sealed class OneWriterGrainStorage(IGrainStorage inner) : IGrainStorage, IDisposable
{
    private readonly SemaphoreSlim turn = new(1, 1);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        InTurn(() => inner.ReadStateAsync(stateName, grainId, grainState));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        InTurn(() => inner.WriteStateAsync(stateName, grainId, grainState));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        InTurn(() => inner.ClearStateAsync(stateName, grainId, grainState));

    public void Dispose() => turn.Dispose();

    private async Task InTurn(Func<Task> operation)
    {
        await turn.WaitAsync();
        try
        {
            await Task.Run(operation);
        }
        finally
        {
            turn.Release();
        }
    }
}
