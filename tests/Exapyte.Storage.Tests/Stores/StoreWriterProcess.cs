using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Exapyte.Storage.Stores;
using static Exapyte.Storage.Tests.Stores.Entries;

namespace Exapyte.Storage.Tests.Stores;

/// <summary>
/// This test program started once more, to write to a store until it is killed. It writes the same batches each time:
/// the batch of an index follows from the index.
/// </summary>
internal sealed class StoreWriterProcess : IDisposable
{
    const string FolderVariable = "EXAPYTE_TEST_STORE_WRITER_FOLDER";
    const int BatchesMax = 1_000_000;
    const int BatchesPerFlush = 300;
    const int KeyCount = 400;

    static readonly DiskStoreOptions Options = new() { MemoryBytesMax = 8 * 1024 * 1024, BallastBytes = 0 };

    readonly Process _process;

    public StoreWriterProcess(string folder)
    {
        string program = Environment.ProcessPath!;
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, UseShellExecute = false };
        if (string.Equals(Path.GetFileNameWithoutExtension(program), "dotnet", StringComparison.Ordinal))
            start.ArgumentList.Add(typeof(StoreWriterProcess).Assembly.Location);
        start.Environment[FolderVariable] = folder;
        _process = Process.Start(start)!;
    }

    /// <summary>Waits until the writer says that it flushed, and answers up to which index.</summary>
    public async Task<ulong> ReadFlushedAsync(CancellationToken cancellation)
    {
        string? line = await _process.StandardOutput.ReadLineAsync(cancellation);
        return ulong.Parse(line!, CultureInfo.InvariantCulture);
    }

    /// <summary>Kills the writer in the middle of whatever it does.</summary>
    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    /// <summary>Opens what the writer left.</summary>
    public static DiskStore Open(string folder) => DiskStore.Open(folder, Options);

    /// <summary>Applies the batch of an index.</summary>
    public static void Apply(IShardStore shard, StoreBatch batch, ulong index)
    {
        batch.Clear();
        int at = (int)(index % int.MaxValue);
        for (int change = 0; change < 10; change++)
        {
            batch.Put(Key(((at * 31) + (change * 7)) % KeyCount), Entry(new byte[100 + (at % 900)], index));
            batch.Delete(Key(((at * 17) + (change * 11)) % KeyCount));
        }
        batch.PutMeta(Key("last"), Key(at));
        batch.AppliedIndex = index;
        shard.Apply(batch);
    }

    /// <summary>Turns this process into the writer, if it was started as one, before any test is looked for.</summary>
    [ModuleInitializer]
    internal static void WriteIfAsked()
    {
        if (Environment.GetEnvironmentVariable(FolderVariable) is not { Length: > 0 } folder)
            return;
        using DiskStore store = Open(folder);
        IShardStore shard = store.OpenShard(1);
        StoreBatch batch = shard.NewBatch();
        ulong first = shard.AppliedIndex + 1;
        for (ulong index = first; index < first + BatchesMax; index++)
        {
            Apply(shard, batch, index);
            if (index % BatchesPerFlush != 0)
                continue;
            store.Flush();
            Console.WriteLine(index);
        }
        Environment.Exit(0);
    }
}
