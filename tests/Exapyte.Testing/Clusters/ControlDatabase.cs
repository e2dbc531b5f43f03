using System.Collections.Concurrent;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace Exapyte.Testing.Clusters;

/// <summary>
/// Grain storage that outlives every silo of a cluster under test, as a database does: documents are kept serialized,
/// writes are fenced by ETags, and a test can stop it, or let writes land whose answer is lost. Thread-safe.
/// </summary>
public sealed class ControlDatabase
{
    private readonly ConcurrentDictionary<string, Row> rows = new(StringComparer.Ordinal);
    private readonly Lock writing = new();
    private int lostWriteAnswers;
    private int lostRemovalAnswers;
    private long writes;

    /// <summary>Whether it answers nothing.</summary>
    public bool IsStopped { get; set; }

    /// <summary>Writes that landed.</summary>
    public long Writes => Interlocked.Read(ref writes);

    /// <summary>Whether there is a document of this name.</summary>
    public bool Has(string name, GrainId grain) => rows.ContainsKey(Key(name, grain));

    /// <summary>The next write lands, and its writer gets an error.</summary>
    public void LoseNextAnswer() => Interlocked.Exchange(ref lostWriteAnswers, 1);

    /// <summary>The next removal of a document lands, and who removed it gets an error.</summary>
    public void LoseNextAnswerToARemoval() => Interlocked.Exchange(ref lostRemovalAnswers, 1);

    /// <summary>Changes a document as another activation would: its ETag moves on.</summary>
    public void Touch(string name, GrainId grain) =>
        rows.AddOrUpdate(
            Key(name, grain),
            _ => throw new KeyNotFoundException(name),
            (_, row) => row with { Version = row.Version + 1 }
        );

    /// <summary>The storage of one silo on it.</summary>
    public IGrainStorage For(IGrainStorageSerializer serializer) => new Storage(this, serializer);

    private static string Key(string name, GrainId grain) => $"{name}|{grain}";

    private void ThrowIfStopped()
    {
        if (IsStopped)
        {
            throw new ControlDatabaseStoppedException("The database is stopped.");
        }
    }

    private static void ThrowIfLost(ref int lostAnswers)
    {
        if (Interlocked.Exchange(ref lostAnswers, 0) == 1)
        {
            throw new ControlDatabaseStoppedException("The answer was lost.");
        }
    }

    /// <summary>The row as it is, if that is what the writer has read.</summary>
    private Row? Fenced(string key, string? etag)
    {
        var stored = rows.GetValueOrDefault(key);
        return stored?.Version.ToString() == etag
            ? stored
            : throw new InconsistentStateException("Somebody wrote it.", stored?.Version.ToString(), etag);
    }

    private sealed record Row(BinaryData Document, long Version);

    private sealed class Storage(ControlDatabase database, IGrainStorageSerializer serializer) : IGrainStorage
    {
        public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            await Task.Yield();
            database.ThrowIfStopped();
            if (database.rows.TryGetValue(Key(stateName, grainId), out var row))
            {
                grainState.State = serializer.Deserialize<T>(row.Document);
                grainState.ETag = row.Version.ToString();
                grainState.RecordExists = true;
            }
        }

        public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            await Task.Yield();
            database.ThrowIfStopped();
            lock (database.writing)
            {
                var key = Key(stateName, grainId);
                var stored = database.Fenced(key, grainState.ETag);
                var next = new Row(serializer.Serialize(grainState.State), (stored?.Version ?? 0) + 1);
                database.rows[key] = next;
                Interlocked.Increment(ref database.writes);
                grainState.ETag = next.Version.ToString();
                grainState.RecordExists = true;
            }
            ThrowIfLost(ref database.lostWriteAnswers);
        }

        public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            await Task.Yield();
            database.ThrowIfStopped();
            lock (database.writing)
            {
                var key = Key(stateName, grainId);
                database.Fenced(key, grainState.ETag);
                database.rows.TryRemove(key, out _);
            }
            ThrowIfLost(ref database.lostRemovalAnswers);
            grainState.ETag = null;
            grainState.RecordExists = false;
        }
    }
}
