using Exapyte.Client.Lanes;
using Exapyte.Client.Retries;
using Exapyte.Client.Rules;
using Exapyte.Client.Tests.Scripted;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Orleans.Runtime;

namespace Exapyte.Client.Tests;

public sealed class RulesTests(ScriptedSilo silo)
{
    private static readonly ConsistencyLevel[] AllLevels = Enum.GetValues<ConsistencyLevel>();

    [Fact]
    [Trait("Scenario", "client_consistency_levels")]
    public async Task Every_level_is_taken_or_refused_by_every_kind_of_keyspace_as_documented()
    {
        await AssertLevelsAsync(
            ReplicationKind.Raft,
            reads: "Default Linearizable Bounded Session Eventual",
            writes: "Default Linearizable"
        );
        await AssertLevelsAsync(
            ReplicationKind.Quorum,
            reads: "Default Session Eventual One Quorum All",
            writes: "Default Eventual One Quorum All"
        );
        await AssertLevelsAsync(
            ReplicationKind.Async,
            reads: "Default Session Eventual One Quorum All",
            writes: "Default Eventual One Quorum All"
        );
    }

    private async Task AssertLevelsAsync(ReplicationKind replication, string reads, string writes)
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = replication });
        await using var client = silo.Open(keyspace);
        foreach (var kind in Enum.GetValues<OperationKind>())
        {
            var taken = new List<ConsistencyLevel>();
            foreach (var level in AllLevels)
            {
                var operation = new Operation
                {
                    Kind = kind,
                    Key = Ops.Bytes("a"),
                    Level = level,
                    MaxStalenessMs = level == ConsistencyLevel.Bounded ? 100 : 0,
                };
                var result = await client.Run(operation);
                if (result.Outcome.Kind != OutcomeKind.Invalid)
                {
                    taken.Add(level);
                }
            }
            var isRefused =
                replication != ReplicationKind.Raft && kind is (OperationKind.Increment or OperationKind.Merge);
            var expected =
                kind < OperationKind.Put ? reads
                : isRefused ? ""
                : writes;
            Assert.Equal(expected, string.Join(' ', taken));
        }
    }

    [Fact]
    public async Task Leaderless_keyspaces_refuse_conditions_and_request_ids_with_every_reason()
    {
        var keyspace = new ScriptedKeyspace(settings: new() { Replication = ReplicationKind.Async });
        await using var client = silo.Open(keyspace);
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = new byte[Limits.KeyBytesMax + 1],
            Value = new byte[Limits.ValueBytesMax + 1],
            ContentType = new string('x', Limits.ContentTypeCharsMax + 1),
            TtlMs = -2,
            Level = ConsistencyLevel.Linearizable,
            Condition = WriteCondition.IfAbsent,
            RequestId = new string('x', Limits.RequestIdCharsMax + 1),
        };

        var result = await client.Run(operation);

        Assert.Equal(OutcomeKind.Invalid, result.Outcome.Kind);
        foreach (var word in new[] { "key", "value", "content type", "lifetime", "Level", "request id", "conditional" })
        {
            Assert.Contains(word, result.Outcome.Detail, StringComparison.Ordinal);
        }
        Assert.Equal(0, keyspace[0, 0].Calls);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(Operation.NeverExpires, true)]
    [InlineData(1, true)]
    [InlineData(Limits.TtlMsMax, true)]
    [InlineData(Limits.TtlMsMax + 1, false)]
    [InlineData(-2, false)]
    public void A_lifetime_is_within_its_limits(long ttlMs, bool taken)
    {
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = Ops.Bytes("a"),
            TtlMs = ttlMs,
        };

        Assert.Equal(taken, OperationRules.ReasonsAgainst(new(), operation) is null);
    }

    [Theory]
    [InlineData(1, 0, true)]
    [InlineData(Limits.ExpiresAtMsMax, 0, true)]
    [InlineData(Limits.ExpiresAtMsMax + 1, 0, false)]
    [InlineData(-1, 0, false)]
    [InlineData(1, 1, false)]
    [InlineData(1, Operation.NeverExpires, false)]
    public void An_end_is_a_moment_within_its_limits_and_stands_alone(long expiresAtMs, long ttlMs, bool taken)
    {
        var operation = new Operation
        {
            Kind = OperationKind.Put,
            Key = Ops.Bytes("a"),
            TtlMs = ttlMs,
            ExpiresAtMs = expiresAtMs,
        };

        Assert.Equal(taken, OperationRules.ReasonsAgainst(new(), operation) is null);
    }

    [Fact]
    public void A_read_takes_no_condition_and_bounded_needs_a_bound()
    {
        var conditional = new Operation
        {
            Kind = OperationKind.Get,
            Key = Ops.Bytes("a"),
            Condition = WriteCondition.IfPresent,
        };

        Assert.NotNull(OperationRules.ReasonsAgainst(new(), conditional));
        Assert.NotNull(OperationRules.ReasonsAgainst(new(), Ops.Get("a", ConsistencyLevel.Bounded)));
    }

    [Fact]
    public void What_may_have_happened_is_repeated_only_where_that_does_no_harm()
    {
        foreach (var kind in new[] { AttemptKind.Failed, AttemptKind.TimedOut })
        {
            Assert.Equal(NextStep.Done, RetryRules.After(repeatable: false, kind, null));
            Assert.Equal(NextStep.NextReplica, RetryRules.After(repeatable: true, kind, null));
        }
        Assert.Equal(NextStep.NextReplica, RetryRules.After(repeatable: false, AttemptKind.NotSent, null));
        Assert.True(RetryRules.IsRepeatable(Ops.Get("a")));
        Assert.False(RetryRules.IsRepeatable(Ops.Put("a")));
        Assert.True(RetryRules.IsRepeatable(Ops.Put("a", requestId: "r")));
    }

    [Fact]
    public void A_write_that_may_have_happened_stays_in_doubt_whatever_later_tries_say()
    {
        var trail = new AttemptHistory();
        trail.Note(AttemptKind.TimedOut, null);
        trail.Note(AttemptKind.Answered, OperationOutcome.Of(OutcomeKind.Unavailable, "no quorum"));

        Assert.Equal(OutcomeKind.Unknown, trail.OutOfTime(Ops.Put("a", requestId: "r")).Kind);
        Assert.Equal(OutcomeKind.Unavailable, trail.OutOfTime(Ops.Get("a")).Kind);
    }

    [Fact]
    public void An_exception_proves_that_nothing_was_sent_only_where_it_really_does()
    {
        var rejection = (Exception)
            Activator.CreateInstance(
                typeof(OrleansMessageRejectionException),
                System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Instance,
                binder: null,
                ["rejected"],
                culture: null
            )!;
        var inside = new CallFailures(insideSilo: true);
        var outside = new CallFailures(insideSilo: false);

        Assert.Equal(AttemptKind.NotSent, inside.Classify(new NodeGoneException()));
        Assert.Equal(AttemptKind.NotSent, outside.Classify(new NodeGoneException()));
        Assert.Equal(AttemptKind.NotSent, inside.Classify(rejection));
        Assert.Equal(AttemptKind.Failed, outside.Classify(rejection));
        Assert.Equal(AttemptKind.Failed, inside.Classify(new SiloUnavailableException("died")));
        Assert.Equal(AttemptKind.Failed, inside.Classify(new TimeoutException()));
    }
}
