using Exapyte.Testing.Processes;
using Xunit;

namespace Exapyte.Cluster.Tests.Faults;

/// <summary>The power goes in the middle of writes: only what was synced is on the disk afterwards.</summary>
public sealed class PowerCutTests(ITestOutputHelper output)
{
    const int DiskMebibytes = 512;
    const int Rounds = 3;
    const int WritersOfEachKind = 16;

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task Nothing_acknowledged_is_lost_in_a_power_cut()
    {
        await using var disk = await LoopDisk.CreateAsync(DiskMebibytes);
        var settings = SettingsOn(disk);
        List<AckedWrites> written = [];
        for (var round = 0; round < Rounds; round++)
        {
            await using (var silo = await SiloProcess.StartAsync(settings))
            {
                if (round == 0)
                    await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
                foreach (var writes in written)
                    await Keyspaces.NothingIsLostOrTornAsync(silo.Rest, writes);
                written.AddRange(await WriteUntilPowerCutAsync(silo, disk, round));
            }
            await disk.RemountAsync();
        }
        await using var last = await SiloProcess.StartAsync(settings);
        foreach (var writes in written)
            await Keyspaces.NothingIsLostOrTornAsync(last.Rest, writes);
        output.WriteLine(
            $"{written.Sum(writes => writes.Acknowledged)} acknowledged writes survived {Rounds} power cuts"
        );
    }

    [Fact]
    [Trait("Scenario", "data_recovery")]
    public async Task A_disk_that_lies_about_its_syncs_is_seen_to_lose_writes()
    {
        await using var disk = await LoopDisk.CreateAsync(DiskMebibytes);
        var settings = SettingsOn(disk);
        IReadOnlyList<AckedWrites> written;
        await using (var silo = await SiloProcess.StartAsync(settings))
        {
            await Keyspaces.CreateAllAsync(silo.Rest, replicas: 1, shards: 2);
            await using (await SyscallFaults.AttachAsync(silo, SyscallFaults.Syncs, "retval=0"))
                written = await WriteUntilPowerCutAsync(silo, disk, round: 0);
        }
        await disk.RemountAsync();

        // The test above would be worth nothing if it could not tell.
        await using var again = await SiloProcess.StartAsync(settings);
        foreach (var writes in written)
        {
            var wrong = await writes.VerifyAsync(again.Rest, ClusterTestEnvironment.Deadline);
            output.WriteLine($"{writes.Keyspace}: {wrong.Count} of {writes.Keys} keys are wrong");
            Assert.NotEmpty(wrong);
        }
    }

    static SiloSettings SettingsOn(LoopDisk disk) =>
        new() { NodeId = "n1", DataFolder = Path.Combine(disk.Path, "data") };

    static async Task<IReadOnlyList<AckedWrites>> WriteUntilPowerCutAsync(SiloProcess silo, LoopDisk disk, int round)
    {
        var loads = Keyspaces
            .Kinds.Select(kind => new WriteLoad(
                new AckedWrites(kind),
                $"round-{round}",
                [silo.Rest],
                WritersOfEachKind,
                seed: round
            ))
            .ToList();
        foreach (var load in loads)
            await load.WaitForAcknowledgementsAsync(300, ClusterTestEnvironment.Deadline);
        disk.CutPower();
        await silo.KillAsync();
        foreach (var load in loads)
            await load.DisposeAsync();
        return [.. loads.Select(load => load.Writes)];
    }
}
