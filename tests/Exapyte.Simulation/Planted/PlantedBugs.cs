namespace Exapyte.Simulation.Planted;

/// <summary>A bug that the simulator must find.</summary>
/// <param name="Name">How it is called on the command line.</param>
/// <param name="Plant">Plants it.</param>
internal sealed record PlantedBug(string Name, Func<Flaw> Plant);

/// <summary>All of them.</summary>
internal static class PlantedBugs
{
    public static IReadOnlyList<PlantedBug> All { get; } =
    [
        new("vote-not-persisted", () => new VoteNotPersisted()),
        new("hard-state-not-persisted", () => new HardStateNotPersisted()),
        new("vote-forgotten-at-start", () => new HardStateForgottenAtStart()),
        new("acknowledged-before-sync", () => new AcknowledgedBeforeSync()),
        new("entries-dropped", () => new EntriesDropped()),
        new("full-disk-ignored", () => new FullDiskIgnored()),
        new("compaction-beyond-flush", () => new CompactionBeyondFlush()),
        new("sync-error-swallowed", () => new SyncErrorSwallowed()),
        new("never-synced", () => new NeverSynced()),
        new("older-term-committed-by-counting", () => new OlderTermCommittedByCounting()),
        new("quorum-off-by-one", () => new QuorumOffByOne()),
        new("joint-quorum-skipped", () => new JointQuorumSkipped()),
        new("learner-counted", () => new LearnerCounted()),
        new("leader-counts-before-durable", () => new LeaderCountsBeforeDurable()),
        new("two-configurations-at-once", () => new TwoConfigurationsAtOnce()),
        new("votes-twice", () => new VotesTwice()),
        new("votes-for-shorter-logs", () => new VotesForShorterLogs()),
        new("duplicate-vote-counted", () => new DuplicateVoteCounted()),
        new("old-votes-counted", () => new OldVotesCounted()),
        new("pre-vote-ignored", () => new PreVoteIgnored()),
        new("higher-term-ignored", () => new HigherTermIgnored()),
        new("stale-append-accepted", () => new StaleAppendAccepted()),
        new("append-always-truncates", () => new AppendAlwaysTruncates()),
        new("previous-term-unchecked", () => new PreviousTermUnchecked()),
        new("heartbeat-commits-unmatched", () => new HeartbeatCommitsUnmatched()),
        new("append-commits-unmatched", () => new AppendCommitsUnmatched()),
        new("acknowledged-before-commit", () => new AcknowledgedBeforeCommit()),
        new("stale-read-index", () => new StaleReadIndex()),
        new("read-without-proof", () => new ReadWithoutProof()),
        new("read-before-apply", () => new ReadBeforeApply()),
        new("lease-from-response", () => new LeaseFromResponse()),
        new("lease-survives-transfer", () => new LeaseSurvivesTransfer()),
        new("lease-survives-sleep", () => new LeaseSurvivesSleep()),
        new("lease-too-long", () => new LeaseTooLong()),
        new("lease-forgotten-at-start", () => new LeaseForgottenAtStart()),
        new("vote-despite-lease", () => new VoteDespiteLease()),
        new("follower-read-before-apply", () => new FollowerReadBeforeApply()),
        new("follower-read-unasked", () => new FollowerReadUnasked()),
        new("read-index-unproven", () => new ReadIndexUnproven()),
        new("eventual-read-uncommitted", () => new EventualReadUncommitted()),
        new("eventual-read-goes-back", () => new EventualReadGoesBack()),
        new("compaction-drops-others", () => new CompactionDropsOthers()),
        new("segment-pinned-for-ever", () => new SegmentPinnedForEver()),
        new("rewritten-entry-truncates", () => new RewrittenEntryTruncates()),
        new("store-prefix-shared", () => new StorePrefixShared()),
        new("quarantine-spreads", () => new QuarantineSpreads()),
        new("applied-twice-after-restart", () => new AppliedTwiceAfterRestart()),
        new("request-ids-not-in-snapshots", () => new RequestIdsNotInSnapshots()),
        new("snapshot-part-lost", () => new SnapshotPartLost()),
        new("snapshot-not-flushed", () => new SnapshotNotFlushed()),
        new("snapshot-over-newer-log", () => new SnapshotOverNewerLog()),
        new("expired-by-local-clock", () => new ExpiredByLocalClock()),
        new("request-id-forgotten", () => new RequestIdForgotten()),
    ];
}
