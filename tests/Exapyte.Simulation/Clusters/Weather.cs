namespace Exapyte.Simulation.Clusters;

/// <summary>How a run is: drawn from its seed, so that runs differ in kind and not only in chance.</summary>
internal sealed record Weather
{
    public required int Nodes { get; init; }
    public required int Groups { get; init; }
    public required int Clients { get; init; }
    public required int Keys { get; init; }
    public required int ValueBytesMax { get; init; }
    public required int LatencyUs { get; init; }
    public required int StragglerPercent { get; init; }

    /// <summary>One in so many stragglers is late by up to two seconds, more than an election takes.</summary>
    public required int LateOneIn { get; init; }
    public required int LossPercent { get; init; }
    public required int DuplicatePercent { get; init; }
    public required int DiskUs { get; init; }
    public required int FaultEveryUs { get; init; }
    public required int ThinkUs { get; init; }
    public required int LullEveryUs { get; init; }
    public required int UpkeepUs { get; init; }
    public required int ChangeEveryUs { get; init; }
    public required int EntriesKept { get; init; }
    public required int IdleTicks { get; init; }
    public required int PartBytesMax { get; init; }
    public required long RequestWindowMs { get; init; }

    /// <summary>How long a leader may read alone, on its own clock, where elections take their least ticks; 0: never.</summary>
    public required int LeaseUs { get; init; }

    /// <summary>Whether an unknown write with a request id may be sent again: it is surely remembered for long enough.</summary>
    public bool RetriesUnknown => RequestWindowMs > 60_000;

    public static Weather Of(Chance chance)
    {
        var nodes = chance.Between(3, 5);
        var isRough = chance.Percent(60);
        // Five ticks of the fastest clock are 490 ms, and 470 ms of the slowest take 479.
        var leaseUs = chance.Percent(50) ? 0 : chance.Between(250_000, 470_000);
        return new()
        {
            Nodes = nodes,
            Groups = chance.Percent(55) ? 1 : chance.Between(2, 3),
            Clients = chance.Between(2, 5),
            Keys = chance.Between(3, 8),
            ValueBytesMax = chance.OneIn(4) ? 1_500 : 60,
            // Slow wires are where it matters from which moment a lease counts.
            LatencyUs = chance.OneIn(leaseUs > 0 ? 3 : 6)
                ? chance.Between(40_000, 150_000)
                : chance.Between(200, 20_000),
            StragglerPercent = chance.Below(12),
            LateOneIn = chance.OneIn(2) ? 10 : 3,
            LossPercent = isRough ? chance.Below(12) : 0,
            DuplicatePercent = isRough ? chance.Below(10) : 0,
            DiskUs = chance.Between(100, 15_000),
            FaultEveryUs = chance.Between(200_000, 1_200_000),
            ThinkUs = chance.Between(5_000, 120_000),
            LullEveryUs = chance.Between(3_000_000, 12_000_000),
            UpkeepUs = chance.Between(200_000, 2_000_000),
            ChangeEveryUs = chance.OneIn(4) ? int.MaxValue : chance.Between(300_000, 3_000_000),
            EntriesKept = chance.Below(30),
            IdleTicks = chance.Between(3, 12),
            PartBytesMax = chance.OneIn(3) ? chance.Between(1, 100) : chance.Between(100, 3_000),
            RequestWindowMs = chance.Percent(70) ? 3_600_000 : 2_000,
            LeaseUs = leaseUs,
        };
    }
}
