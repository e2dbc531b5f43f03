using System.Diagnostics;
using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>A disk without space: writes are refused as such, reads go on, and it passes when space returns.</summary>
public sealed class FullDiskTests(ITestOutputHelper output)
{
    /// <summary>Room for the store's ballast, for which several times its size must be free.</summary>
    const int DiskMebibytes = 1024;

    const int FreeMebibytes = 24;
    const int ValueBytes = 256 << 10;
    const int DiskFull = 507;

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task On_a_full_disk_writes_are_refused_reads_go_on_and_writes_resume_with_space()
    {
        await using var disk = await LoopDisk.CreateAsync(DiskMebibytes);
        var settings = SettingsOn(disk);
        List<AckedWrites> written = [];
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            written.AddRange(await FillAsync(silo, disk));

            foreach (var writes in written)
                await Keyspaces.NothingIsLostOrTornAsync(silo.Rest, writes);
            await silo.WaitUntilReadyAsync();
            await silo.WaitUntilItSaysAsync("The disk is full: writes are refused");
            // The node may have found some space for itself meanwhile, but not much.
            written.AddRange(await WriteUntilFullAsync(silo, "more"));

            disk.Free();
            await WritesResumeAsync(silo);
            await silo.KillAsync();
        }
        await using var again = await SiloProcess.StartAsync(settings);
        foreach (var writes in written)
            await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
    }

    [Fact]
    [Trait("Scenario", "disk_failure")]
    public async Task A_node_that_is_killed_on_a_full_disk_starts_there_and_has_lost_nothing()
    {
        await using var disk = await LoopDisk.CreateAsync(DiskMebibytes);
        var settings = SettingsOn(disk);
        List<AckedWrites> written = [];
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            written.AddRange(await FillAsync(silo, disk));
            await silo.KillAsync();
        }
        // What only the log holds comes back into the store, and can be read, once that has space.
        await using var again = await SiloProcess.StartAsync(settings);
        disk.Free();
        await WritesResumeAsync(again);
        foreach (var writes in written)
            await Keyspaces.NothingIsLostOrTornAsync(again.Rest, writes);
    }

    static SiloSettings SettingsOn(LoopDisk disk) =>
        new() { NodeId = "n1", DataFolder = Path.Combine(disk.Path, "data") };

    /// <summary>Writes to every kind of keyspace until each has said that the disk is full.</summary>
    async Task<List<AckedWrites>> FillAsync(SiloProcess silo, LoopDisk disk)
    {
        await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
        List<AckedWrites> written = [];
        foreach (var kind in Keyspaces.Kinds)
            written.Add(await Keyspaces.FillAsync(kind, [silo.Rest], entries: 50));
        await disk.FillAsync(exceptMebibytes: FreeMebibytes);

        return [.. written, .. await WriteUntilFullAsync(silo, "large")];
    }

    async Task<List<AckedWrites>> WriteUntilFullAsync(SiloProcess silo, string prefix)
    {
        using var patient = new RestClient(silo.Settings.Url, ClusterTestEnvironment.Deadline);
        var large = Keyspaces.Kinds.Select(kind => new AckedWrites(kind)).ToList();
        await Task.WhenAll(large.Select(writes => WriteUntilFullAsync(patient, writes, prefix, silo)));
        output.WriteLine($"full after {large.Sum(writes => writes.Acknowledged)} values of {ValueBytes} bytes");
        return large;
    }

    static async Task WriteUntilFullAsync(RestClient client, AckedWrites writes, string prefix, SiloProcess silo)
    {
        var payload = new byte[ValueBytes];
        var random = new Random(1);
        var acknowledgedAt = Stopwatch.GetTimestamp();
        for (var number = 0; ; number++)
        {
            var key = $"{prefix}-{number}";
            random.NextBytes(payload);
            var answer = await client.PutAsync(writes.Keyspace, key, SelfVerifyingValue.Create(key, 1, payload));
            if (answer.Status == DiskFull)
            {
                Assert.Contains("disk-full", answer.Text, StringComparison.Ordinal);
                return;
            }
            if (answer.IsSuccess)
            {
                writes.Acknowledge(key, 1);
                acknowledgedAt = Stopwatch.GetTimestamp();
            }
            else
            {
                writes.Doubt(key, 1);
            }
            Assert.True(number * (long)ValueBytes < (long)DiskMebibytes << 20, $"The disk never fills.\n{silo.Output}");
            Assert.True(
                Stopwatch.GetElapsedTime(acknowledgedAt) < 2 * ClusterTestEnvironment.Deadline,
                $"No clear refusal: {answer}\n{silo.Output}"
            );
        }
    }

    async Task WritesResumeAsync(SiloProcess silo)
    {
        foreach (var kind in Keyspaces.Kinds)
        {
            var took = await Poll.UntilAsync(
                $"{kind} takes a large write",
                ClusterTestEnvironment.Deadline,
                async () => (await silo.Rest.PutAsync(kind, "resumed", new byte[ValueBytes])).IsSuccess,
                () => silo.Output
            );
            output.WriteLine($"{kind} takes writes again after {took.TotalSeconds:0.0} s");
            await Keyspaces.EveryShardTakesWritesAsync(silo.Rest, kind);
        }
    }
}
