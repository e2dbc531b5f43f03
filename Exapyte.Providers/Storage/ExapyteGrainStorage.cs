using Exapyte.Client;
using Orleans.Storage;

namespace Exapyte.Providers.Storage;

/// <summary>
/// Keeps grain state as JSON entries of a raft keyspace, under <c>(state)/(grain type)/(grain key)</c>. An ETag is the
/// entry's version: who writes over another one than he read gets <see cref="InconsistentStateException"/>. Thread-safe.
/// </summary>
internal sealed class ExapyteGrainStorage(IExapyteClient client, ExapyteGrainStorageOptions options) : IGrainStorage
{
    private readonly EnsuredKeyspace keyspace = new(client, options.Keyspace, options.Settings);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var states = await StatesAsync().ConfigureAwait(false);
        var entry = await states.GetAsync<T>(KeyOf(stateName, grainId)).ConfigureAwait(false);
        if (entry is null)
        {
            Reset(grainState);
            return;
        }
        grainState.State = entry.Value;
        grainState.ETag = $"{entry.Version}";
        grainState.RecordExists = true;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var states = await StatesAsync().ConfigureAwait(false);
        var condition = VersionOf(grainState, "written") is { } version
            ? new PutOptions { IfVersion = version }
            : new PutOptions { IfAbsent = true };
        var result = await states
            .TryPutAsync(KeyOf(stateName, grainId), grainState.State, condition)
            .ConfigureAwait(false);
        ThrowWhereInconsistent(result, grainState, "written");
        grainState.ETag = $"{result.ResultOrThrow().Version}";
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        var states = await StatesAsync().ConfigureAwait(false);
        var key = KeyOf(stateName, grainId);
        if (VersionOf(grainState, "cleared") is { } version)
        {
            var result = await states.TryDeleteAsync(key, new() { IfVersion = version }).ConfigureAwait(false);
            ThrowWhereInconsistent(result, grainState, "cleared");
            result.ResultOrThrow();
        }
        else if (await states.GetBytesAsync(key).ConfigureAwait(false) is { } present)
        {
            throw Inconsistent(grainState, present.Version, "cleared");
        }
        Reset(grainState);
    }

    private async Task<KeyspaceClient> StatesAsync()
    {
        var ensured = await keyspace.GetAsync().ConfigureAwait(false);
        return client.Keyspace(ensured.Name, options.Json);
    }

    private static EntryKey KeyOf(string stateName, GrainId grainId) => new($"{stateName}/{grainId}");

    private static EntryVersion? VersionOf<T>(IGrainState<T> grainState, string done) =>
        string.IsNullOrEmpty(grainState.ETag) ? null
        : EntryVersion.TryParse(grainState.ETag, out var version) ? version
        : throw Inconsistent(grainState, default, done);

    private static void ThrowWhereInconsistent<T>(WriteResult result, IGrainState<T> grainState, string done)
    {
        if (result.Status == EntryStatus.PreconditionFailed)
        {
            throw Inconsistent(grainState, result.Version, done);
        }
    }

    private static InconsistentStateException Inconsistent<T>(
        IGrainState<T> grainState,
        EntryVersion stored,
        string done
    ) =>
        new(
            $"The state was not {done}: it is not the one that was read before.",
            storedEtag: stored.IsNone ? "none" : $"{stored}",
            currentEtag: grainState.ETag ?? "none"
        );

    private static void Reset<T>(IGrainState<T> grainState)
    {
        grainState.State = Activator.CreateInstance<T>();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }
}
