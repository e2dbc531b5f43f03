using Exapyte.Grains.Replicas;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class BatchPlanTests
{
    private const long KeyspaceId = 7;

    [Fact]
    public void A_condition_counts_by_versions_of_this_keyspace_alone()
    {
        VersionStamp[] versions = [new(1, KeyspaceId), new(2, KeyspaceId + 1), new(3)];

        Assert.Equal([new VersionStamp(1)], Proposed(new(ConditionKind.AnyOf, versions)).Versions);
        Assert.Equal([new VersionStamp(1)], Proposed(new(ConditionKind.NoneOf, versions)).Versions);
        var bare = Proposed(WriteCondition.IfVersion(new(5)));
        Assert.False(bare.IsMetBy(new(5)));
        Assert.Equal(ConditionKind.Absent, Proposed(WriteCondition.IfAbsent).Kind);
    }

    [Fact]
    public async Task A_refused_atomic_batch_names_the_position_that_decided_reads_counted()
    {
        var outcomes = new OperationOutcome?[4];
        var plan = PlanOf(outcomes, atomic: true, Get("a"), Put("b"), Get("c"), Put("d"));
        var write = plan.ToPropose(deadlineMs: 1, limits: null);
        write.Complete(
            write.VerdictOf(
                Grains.Replicas.Commands.AppliedCommand.Refused(
                    2,
                    1,
                    new(OutcomeKind.PreconditionFailed, new(9), false)
                )
            )
        );

        plan.FillWrites(await write.Completion);

        Assert.All(
            outcomes,
            outcome => Assert.Equal((OutcomeKind.PreconditionFailed, 3), (outcome!.Kind, outcome.DecidedBy))
        );
        Assert.Equal(new VersionStamp(9, KeyspaceId), outcomes[3]!.Version);
        Assert.True(outcomes[0]!.Version.IsNone);
        Assert.Contains("Item 3 ", outcomes[0]!.Detail);
    }

    [Fact]
    public void A_session_that_has_seen_an_earlier_life_of_the_name_asks_for_nothing()
    {
        Assert.Equal(5ul, NeedOf(Session(new(5, KeyspaceId))).Revision);
        Assert.Equal(0ul, NeedOf(Session(new(5, KeyspaceId - 1))).Revision);
        Assert.Equal(8ul, NeedOf(Session(new(5, KeyspaceId)) with { Session = [new(0, 8)] }).Revision);
        Assert.False(NeedOf(Session(new(5, KeyspaceId))).IsTimely);
    }

    [Fact]
    public void The_reads_of_a_batch_need_what_the_strictest_of_them_needs()
    {
        var need = NeedOf(
            Session(new(5, KeyspaceId)),
            Bounded(200),
            Bounded(100),
            Get("a") with
            {
                Level = ConsistencyLevel.Eventual,
            }
        );

        Assert.Equal(new Grains.Replicas.Raft.ReadNeed(IsFresh: false, 5, 100), need);
        Assert.True(NeedOf(Bounded(100), Get("a")).IsFresh);
    }

    [Fact]
    public void What_was_read_from_a_state_of_an_age_is_told_by_that_and_never_to_who_asked_for_less()
    {
        var outcomes = new OperationOutcome?[2];
        var plan = PlanOf(outcomes, atomic: false, Bounded(100), Bounded(200));
        var store = new Storage.Stores.MemoryStore(new(), TimeProvider.System);
        plan.ReadFrom(new(store, null, StampMs: 1, Revision: 4, null), clockMs: 0);

        Assert.Equal(150, plan.StalenessMs(isProven: false, ageMs: 150));
        plan.RefuseOlderThan(150, new(OutcomeKind.Unavailable, "old", default));

        Assert.Equal([OutcomeKind.Unavailable, OutcomeKind.NotFound], outcomes.Select(outcome => outcome!.Kind));
    }

    private static Grains.Replicas.Raft.ReadNeed NeedOf(params Operation[] operations) =>
        PlanOf(new OperationOutcome?[operations.Length], atomic: false, operations).Need;

    private static Operation Bounded(long maxMs) =>
        Get("a") with
        {
            Level = ConsistencyLevel.Bounded,
            MaxStalenessMs = maxMs,
        };

    private static WriteCondition Proposed(WriteCondition condition)
    {
        var plan = PlanOf(new OperationOutcome?[1], atomic: false, Put("a") with { Condition = condition });
        return plan.ToPropose(deadlineMs: 1, limits: null).Batch.Operations[0].Condition!;
    }

    private static BatchPlan PlanOf(OperationOutcome?[] outcomes, bool atomic, params Operation[] operations) =>
        BatchPlan.Of(
            new()
            {
                Operations = operations,
                MapEpoch = 1,
                Atomic = atomic,
                TimeoutMs = 1,
            },
            new()
            {
                Name = "k",
                KeyspaceId = KeyspaceId,
                Epoch = 1,
                Settings = new() { Shards = 1 },
                Shards =
                [
                    new()
                    {
                        ShardId = 2,
                        FirstSlot = 0,
                        Replicas = [],
                    },
                ],
            },
            new()
            {
                KeyspaceId = KeyspaceId,
                ShardId = 2,
                ReplicaId = 3,
                Replication = ReplicationKind.Raft,
                Storage = StorageKind.Disk,
                StorePrefix = 1,
                FirstMembers = [],
            },
            outcomes
        );

    private static Operation Put(string key) =>
        new() { Kind = OperationKind.Put, Key = System.Text.Encoding.UTF8.GetBytes(key) };

    private static Operation Get(string key) =>
        new() { Kind = OperationKind.Get, Key = System.Text.Encoding.UTF8.GetBytes(key) };

    private static Operation Session(VersionStamp seen) =>
        Get("a") with
        {
            Level = ConsistencyLevel.Session,
            SessionVersion = seen,
        };
}
