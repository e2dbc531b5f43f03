using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

public sealed class ShardStateMachineTests : IDisposable
{
    private readonly DiskStoreFixture fixture = new();
    private ShardStateMachine machine;
    private long stampMs = 1_000;

    public ShardStateMachineTests() => machine = new(fixture.Shard);

    public void Dispose() => fixture.Dispose();

    [Fact]
    public void Each_change_raises_the_revision_by_one_and_becomes_the_entrys_version()
    {
        var first = Apply(Put("a", "1"), Put("b", "2"));
        var second = Apply(Put("a", "3"), Delete("b"));

        Assert.Equal([new(OutcomeKind.Ok, new(1), true), new(OutcomeKind.Ok, new(2), true)], first);
        Assert.Equal([new(OutcomeKind.Ok, new(3), false), new(OutcomeKind.Ok, new(4), true)], second);
        Assert.Equal(4UL, machine.Revision);
        Assert.Equal("3", ValueOf("a"));
        Assert.Null(ValueOf("b"));
    }

    [Fact]
    public void A_put_that_ends_at_a_moment_ends_then_whenever_it_is_applied()
    {
        Operation UntilTwoThousand(string key) =>
            new()
            {
                Kind = OperationKind.Put,
                Key = Encoding.UTF8.GetBytes(key),
                ExpiresAtMs = 2_000,
            };

        stampMs = 1_234;
        Apply(UntilTwoThousand("before"));
        stampMs = 2_000;
        Apply(UntilTwoThousand("late"));

        foreach (var key in new[] { "before", "late" })
        {
            Assert.True(fixture.Shard.TryGet(Encoding.UTF8.GetBytes(key), out var entry));
            Assert.Equal((2_000L, false), (entry.ExpiresMs, entry.IsLive(stampMs)));
        }
        Assert.True(Apply(Put("late", "again"))[0].Changed);
    }

    [Fact]
    public void A_delete_of_nothing_succeeds_and_changes_nothing()
    {
        Assert.Equal([new(OutcomeKind.Ok, VersionStamp.None, false)], Apply(Delete("a")));
        Assert.Equal(0UL, machine.Revision);
    }

    [Fact]
    public void A_condition_is_judged_against_the_entry_as_earlier_writes_of_the_same_command_left_it()
    {
        var outcomes = Apply(
            Put("a", "1", WriteCondition.IfAbsent),
            Put("a", "2", WriteCondition.IfAbsent),
            Put("a", "3", WriteCondition.IfVersion(new(1))),
            Delete("a"),
            Put("a", "4", WriteCondition.IfPresent),
            Put("a", "5", WriteCondition.IfAbsent)
        );

        Assert.Equal(
            [
                OutcomeKind.Ok,
                OutcomeKind.PreconditionFailed,
                OutcomeKind.Ok,
                OutcomeKind.Ok,
                OutcomeKind.PreconditionFailed,
                OutcomeKind.Ok,
            ],
            outcomes.Select(outcome => outcome.Kind)
        );
        Assert.Equal(new VersionStamp(1), outcomes[1].Version);
        Assert.Equal("5", ValueOf("a"));
    }

    [Fact]
    public void An_atomic_command_with_one_refused_write_changes_nothing_at_all()
    {
        Apply(Put("taken", "x"));

        var outcomes = Apply(
            atomic: true,
            Put("a", "1"),
            Put("taken", "2", WriteCondition.IfAbsent),
            Put("c", "3", requestId: "r")
        );

        Assert.All(outcomes, outcome => Assert.Equal(OutcomeKind.PreconditionFailed, outcome.Kind));
        Assert.Equal(new VersionStamp(1), outcomes[1].Version);
        Assert.Null(ValueOf("a"));
        Assert.Equal("x", ValueOf("taken"));
        Assert.Equal(1UL, machine.Revision);
        Assert.Equal(2UL, fixture.Shard.AppliedIndex);
        // Its request id was not remembered either.
        Assert.Equal(OutcomeKind.Ok, Apply(Put("c", "4", requestId: "r"))[0].Kind);
    }

    [Fact]
    public void An_entry_is_absent_once_the_log_s_time_has_reached_its_expiry()
    {
        Apply(Put("a", "1", ttlMs: 500));
        stampMs += 499;
        Assert.Equal(OutcomeKind.PreconditionFailed, Apply(Put("a", "2", WriteCondition.IfAbsent))[0].Kind);
        stampMs += 1;
        Assert.Equal([new(OutcomeKind.Ok, new(2), true)], Apply(Put("a", "2", WriteCondition.IfAbsent)));
    }

    [Fact]
    public void Time_in_the_log_never_goes_back()
    {
        stampMs = 5_000;
        Apply(Put("a", "1", ttlMs: 1_000));
        stampMs = 2_000;
        Apply(Put("b", "1"));
        Assert.Equal(5_000, machine.StampMs);
    }

    [Fact]
    public void A_retried_write_applies_once_and_answers_as_the_first_time()
    {
        var first = Apply(Put("a", "1", requestId: "r"));
        Apply(Put("a", "2"));
        var again = Apply(Put("a", "1", requestId: "r"));

        Assert.Equal(first, again);
        Assert.Equal("2", ValueOf("a"));
    }

    [Fact]
    public void A_refused_write_with_a_request_id_stays_refused()
    {
        Apply(Put("a", "1"));
        var first = Apply(Put("a", "2", WriteCondition.IfAbsent, requestId: "r"));
        Apply(Delete("a"));

        Assert.Equal(first, Apply(Put("a", "2", WriteCondition.IfAbsent, requestId: "r")));
        Assert.Null(ValueOf("a"));
    }

    [Fact]
    public void A_request_id_with_another_body_is_refused()
    {
        Apply(Put("a", "1", requestId: "r"));
        Assert.Equal(OutcomeKind.RequestIdReused, Apply(Put("a", "2", requestId: "r"))[0].Kind);
        Assert.Equal(OutcomeKind.RequestIdReused, Apply(Put("b", "1", requestId: "r"))[0].Kind);
        Assert.Equal("1", ValueOf("a"));
    }

    [Fact]
    public void Request_ids_are_forgotten_after_their_window_of_log_time_and_not_before()
    {
        Apply(Put("a", "1", requestId: "old"));
        stampMs += 1_000;
        Apply(Put("b", "1"));
        Assert.Equal(OutcomeKind.RequestIdReused, Apply(Put("a", "2", requestId: "old"))[0].Kind);
        stampMs += 60_001;
        Apply(Put("b", "2"));
        Assert.Equal(OutcomeKind.Ok, Apply(Put("a", "2", requestId: "old"))[0].Kind);
    }

    [Fact]
    [Trait("Scenario", "raft_apply_committed_entries")]
    public void After_a_crash_it_goes_on_behind_what_the_store_kept_and_applies_each_entry_once()
    {
        List<LogEntry> log = [];
        for (var i = 0; i < 20; i++)
        {
            log.Add(Entry(Put("counter", $"{i}", requestId: $"r{i}")));
            machine.Apply(log[^1], null);
            if (i == 9)
            {
                fixture.Store.Flush();
            }
        }
        var revision = machine.Revision;

        fixture.Crash();
        machine = new(fixture.Shard);
        Assert.InRange(machine.Applied.Value, 10UL, 20UL);
        Assert.Equal(machine.Applied.Value, machine.Revision);
        foreach (var entry in log.Skip((int)machine.Applied.Value))
        {
            machine.Apply(entry, null);
        }

        Assert.Equal(revision, machine.Revision);
        Assert.Equal("19", ValueOf("counter"));
        Assert.Throws<InvalidOperationException>(() => machine.Apply(log[4], null));
    }

    [Fact]
    public void The_configuration_that_was_applied_is_found_again()
    {
        var configuration = Configuration.Of(new MemberId(1), new MemberId(2));
        Assert.Null(machine.ReadConfiguration());
        machine.Apply(new(new(1), new(1), EntryKind.Configuration, default), configuration);
        Assert.Equal(configuration, new ShardStateMachine(fixture.Shard).ReadConfiguration());
    }

    private AppliedWrite[] Apply(params Operation[] operations) => machine.Apply(Entry(operations), null).Writes;

    private AppliedWrite[] Apply(bool atomic, params Operation[] operations) =>
        machine.Apply(Entry(atomic, operations), null).Writes;

    private LogEntry Entry(params Operation[] operations) => Entry(atomic: false, operations);

    private LogEntry Entry(bool atomic, params Operation[] operations) =>
        new(
            new(1),
            machine.Applied.Next,
            EntryKind.Command,
            ShardCommandCodec.Encode(operations, atomic, stampMs, new(0, RequestIdWindowMs: 60_000))
        );

    private static Operation Put(
        string key,
        string value,
        WriteCondition? condition = null,
        long ttlMs = 0,
        string? requestId = null
    ) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
            Condition = condition,
            TtlMs = ttlMs,
            RequestId = requestId,
        };

    private static Operation Delete(string key) =>
        new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes(key) };

    private string? ValueOf(string key) =>
        fixture.Shard.TryGet(Encoding.UTF8.GetBytes(key), out var entry)
            ? Encoding.UTF8.GetString(entry.Value.Span)
            : null;
}
