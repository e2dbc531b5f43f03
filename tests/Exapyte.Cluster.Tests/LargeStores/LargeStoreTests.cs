using System.Diagnostics;
using Exapyte.Storage.Files;
using Exapyte.Storage.Log;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.LargeStores;

/// <summary>
/// One node, filled, killed, opened and overwritten. The environment variable <c>EXAPYTE_ENTRIES</c> sets how many
/// entries, <c>EXAPYTE_RECORD</c> a file that takes the figures. Only sizes are asserted: times are printed.
/// </summary>
public sealed class LargeStoreTests(ITestOutputHelper output)
{
    const string Keyspace = "raft";
    const int Shards = 4;
    const int Samples = 1_000;

    /// <summary>The most that the .NET heap may take, as an operator sets it: 512 MiB, in hexadecimal.</summary>
    const string HeapLimit = "DOTNET_GCHeapHardLimit=20000000";

    /// <summary>What docs/operations.md promises under that limit: heap 512 MiB, store 256 MiB, all else 256 MiB.</summary>
    const long ResidentBytesMax = (512L + 256 + 512) << 20;

    /// <summary>
    /// What the log may take once writes pause: live entries up to where the node flushes its store (256 MiB), one segment
    /// partly live, one written to, two spare, and one that the opening began.
    /// </summary>
    const long LogBytesMax = (256L + (5 * 64)) << 20;

    const double OverwriteGrowthMax = 1.5;

    static readonly long s_entries = long.Parse(Environment.GetEnvironmentVariable("EXAPYTE_ENTRIES") ?? "1000000");
    static readonly string? s_record = Environment.GetEnvironmentVariable("EXAPYTE_RECORD");

    /// <summary>Compaction in the background takes its time, the more of it the more there is.</summary>
    static readonly TimeSpan s_atRestDeadline =
        2 * ClusterTestEnvironment.Deadline + TimeSpan.FromSeconds(60 * (s_entries / 1_000_000.0));

    static readonly TimeSpan s_restsAfter = TimeSpan.FromSeconds(2);

    readonly EntrySet _entries = new(s_entries);
    readonly LargeStoreReport _report = new(new(s_entries));

    [Fact]
    [Trait("Scenario", "large_store")]
    public async Task A_large_store_opens_after_a_kill_stays_in_memory_and_gives_back_what_was_overwritten()
    {
        using var folder = new TemporaryFolder("large");
        var settings = new SiloSettings
        {
            NodeId = "n1",
            DataFolder = folder.File("data"),
            Variables = [HeapLimit],
        };
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAsync(silo.Rest, Keyspace, replicas: 1, Shards);
            await LoadAsync(silo, version: 1, "load");
            await silo.KillAsync();
        }
        OpenAlone(settings.DataFolder);
        long before;
        await using (var silo = await StartAndServeAsync(settings, "after kill -9"))
        {
            await HoldsAsync(silo, version: 1);
            before = await StoreBytesAtRestAsync(settings.DataFolder);
            _report.AddBytes("load: store on disk", before);
            await LoadAsync(silo, version: 2, "overwrite");
            await LogShrinksAsync(settings.DataFolder);
            _report.AddBytes("overwrite: store on disk", await StoreBytesAtRestAsync(settings.DataFolder));
            await silo.EndsInOrderAsync();
        }
        var after = Compact(settings.DataFolder);
        _report.AddBytes("overwrite: store on disk, compacted", after);
        Assert.InRange(after, 0, (long)(before * OverwriteGrowthMax));
        await using (var silo = await StartAndServeAsync(settings, "after an orderly stop"))
            await HoldsAsync(silo, version: 2);
        await PrintAsync();
    }

    async Task<SiloProcess> StartAndServeAsync(SiloSettings settings, string when)
    {
        var started = Stopwatch.GetTimestamp();
        var silo = await SiloProcess.StartAsync(settings);
        _report.Add($"{when}: process start to ready", Stopwatch.GetElapsedTime(started));
        await Keyspaces.EveryShardTakesWritesAsync(silo.Rest, Keyspace);
        _report.Add($"{when}: process start to every shard serving", Stopwatch.GetElapsedTime(started));
        return silo;
    }

    async Task LoadAsync(SiloProcess silo, int version, string what)
    {
        using var loader = new BatchLoader(silo.Settings.Url, Keyspace, _entries);
        var before = NodeFootprint.Of(silo.Id);
        var took = await loader.LoadAsync(version);
        var after = NodeFootprint.Of(silo.Id);
        _report.Add(
            what,
            $"{_entries.Count / took.TotalSeconds:N0} entries/s, {_entries.PayloadBytes / took.TotalSeconds / 1e6:N1} MB/s"
        );
        _report.Add($"{what}: requests refused and sent again", $"{loader.Refusals:N0}");
        _report.Add(
            $"{what}: write amplification, log and store",
            $"{(after.WrittenBytes - before.WrittenBytes) / (double)_entries.PayloadBytes:0.00}"
        );
        _report.AddBytes($"{what}: resident memory, peak", after.ResidentPeakBytes);
        _report.AddBytes($"{what}: log on disk at its end", NodeFootprint.LogBytes(silo.Settings.DataFolder));
        output.WriteLine(_report.ToString());
        Assert.InRange(after.ResidentPeakBytes, 0, ResidentBytesMax);
    }

    /// <summary>How much of the start is log and store: the folder belongs to nobody now.</summary>
    void OpenAlone(string dataFolder)
    {
        var started = Stopwatch.GetTimestamp();
        var log = NodeLog.Open(Path.Combine(dataFolder, "log"), new(), PosixFiles.Instance, out var recovery);
        _report.Add("log opened alone", Stopwatch.GetElapsedTime(started));
        log.Dispose();
        Assert.Empty(recovery.Damage);
        started = Stopwatch.GetTimestamp();
        using var store = OpenStore(dataFolder);
        _report.Add("store opened alone", Stopwatch.GetElapsedTime(started));
    }

    static long Compact(string dataFolder)
    {
        using (var store = OpenStore(dataFolder))
            store.Compact();
        return NodeFootprint.StoreBytes(dataFolder);
    }

    static DiskStore OpenStore(string dataFolder) =>
        DiskStore.Open(Path.Combine(dataFolder, "store"), new() { FlushesOnDispose = false });

    async Task HoldsAsync(SiloProcess silo, int version)
    {
        var random = new Random(version);
        for (var sample = 0; sample < Samples; sample++)
        {
            var position = random.NextInt64(_entries.Count);
            var answer = await Requests.ReadAsync(silo.Rest, Keyspace, EntrySet.KeyAt(position));
            Assert.True(answer.IsSuccess, $"entry {position}: {answer}\n{silo.Output}");
            Assert.Equal(EntrySet.ValueAt(position, version), answer.Body);
        }
    }

    /// <summary>Waits until the store's files have not changed for some seconds: nothing is compacted any more.</summary>
    static async Task<long> StoreBytesAtRestAsync(string dataFolder)
    {
        long bytes = -1;
        var since = Stopwatch.GetTimestamp();
        await Poll.UntilAsync(
            "the store is at rest",
            s_atRestDeadline,
            () =>
            {
                var now = NodeFootprint.StoreBytes(dataFolder);
                if (now != bytes)
                    (bytes, since) = (now, Stopwatch.GetTimestamp());
                return Task.FromResult(Stopwatch.GetElapsedTime(since) > s_restsAfter);
            },
            () => $"{bytes:N0} bytes"
        );
        return bytes;
    }

    async Task LogShrinksAsync(string dataFolder)
    {
        long bytes = 0;
        await Poll.UntilAsync(
            $"the log takes at most {LogBytesMax:N0} bytes",
            ClusterTestEnvironment.Deadline,
            () => Task.FromResult((bytes = NodeFootprint.LogBytes(dataFolder)) <= LogBytesMax),
            () => $"{bytes:N0} bytes"
        );
        _report.AddBytes("log on disk once writes paused", bytes);
    }

    async Task PrintAsync()
    {
        output.WriteLine(_report.ToString());
        if (s_record is not null)
            await _report.RecordAsync(s_record);
    }
}
