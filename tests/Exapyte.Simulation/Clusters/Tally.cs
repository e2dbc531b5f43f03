namespace Exapyte.Simulation.Clusters;

/// <summary>What happened how often, in one run or in many.</summary>
internal sealed class Tally
{
    private readonly long[] counts = new long[Enum.GetValues<Happening>().Length];

    public long this[Happening happening]
    {
        get => counts[(int)happening];
        set => counts[(int)happening] = value;
    }

    public void Count(Happening happening) => counts[(int)happening]++;

    public void Add(Tally other)
    {
        for (var i = 0; i < counts.Length; i++)
        {
            counts[i] += other.counts[i];
        }
    }
}

/// <summary>Faults and rare events. A great batch of runs in which one of them never came up proves nothing about it.</summary>
internal enum Happening
{
    Elections,
    LeaderChanges,
    Truncations,
    SnapshotsSent,
    SnapshotParts,
    SnapshotsInstalled,
    ConfigurationChanges,
    JointConfigurations,
    ReplicasAdded,
    ReplicasRetired,
    Kills,
    PowerCuts,
    CrashesInsideFileOperations,
    Restarts,
    TornTails,
    MessagesDelivered,
    MessagesLost,
    MessagesDuplicated,
    MessagesReordered,
    OneWayCuts,
    Isolations,
    Mutes,
    Splits,
    Bounces,
    SyncFailures,
    FullDisks,
    WritesStuckOnFullDisk,
    SlowDisks,
    BitsFlipped,
    DamageReported,
    ReplicasQuarantined,
    QuarantinesBesideOthers,
    Pauses,
    ClockJumps,
    Transfers,
    Compactions,
    SegmentsReleased,
    EntriesRewritten,
    SharedBatches,
    StoreFlushes,
    UnflushedBatchesLost,
    Sweeps,
    Sleeps,
    WritesAcknowledged,
    WritesUnknown,
    WritesRefused,
    ReadsAnswered,
    LeaseReads,
    LeaseReadsWithoutLease,
    FollowerReads,
    EventualReads,
    ReadsRefused,
    ConditionsFailed,
    RequestIdRetries,
    RequestIdRecalls,
    RequestIdEvictions,
    ExpiringReads,
    ClocksAsked,
    ChangesTrimmed,
    Retellings,
    StoresFull,
    ApplyingHeldUp,
    SnapshotPartsRefused,
    SnapshotFlushesFailed,
    LateLogAnswers,
    OvertakenWrites,
    CandidaciesHeldBack,
    MapChanges,
    PreferredLeaders,

    // Bounds that were reached.
    AppendsCutShort,
    InflightMessagesFull,
    InflightBytesFull,
    UncommittedBytesFull,
    ApplyBudgetSpent,
    TailBytesSpent,
    PendingReadsFull,
    LeaderReadsFull,
    WriterAppendsSplit,
    LogQueueFull,
    LogBatchFull,
    LogReadsFromDisk,
    InboxFull,
    SnapshotsInParts,
}
