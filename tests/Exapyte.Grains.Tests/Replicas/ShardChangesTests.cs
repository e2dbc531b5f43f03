using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>Changes that are kept, entries that end by the log, and keys that are the shard's.</summary>
public sealed class ShardChangesTests : IDisposable
{
    private const long RetentionMs = 1_000;

    private readonly DiskStoreFixture fixture = new();
    private ShardStateMachine machine;
    private long stampMs = 10_000;

    public ShardChangesTests() => machine = new(fixture.Shard);

    public void Dispose() => fixture.Dispose();

    [Fact]
    public void Every_change_leaves_a_row_in_the_order_of_the_revisions_and_what_changes_nothing_leaves_none()
    {
        Write(Put("a", "1"), Put("b", "2"));
        Write(Put("a", "3"), Delete("b"), Delete("never there"));
        Write(Put("a", "4") with { Condition = WriteCondition.IfAbsent });

        Assert.Equal(["1 put a", "2 put b", "3 put a", "4 delete b"], Changes());
        Assert.Equal(["3 put a", "4 delete b"], Changes(after: 2));
        Assert.Equal(4UL, machine.Revision);
    }

    [Fact]
    public void An_atomic_command_that_is_refused_leaves_no_row_and_one_that_is_sent_again_none_either()
    {
        Write(Put("taken", "1"));
        Write(atomic: true, Put("a", "1"), Put("taken", "2") with { Condition = WriteCondition.IfAbsent });
        Write(Put("once", "1") with { RequestId = "r" });
        Write(Put("once", "1") with { RequestId = "r" });

        Assert.Equal(["1 put taken", "2 put once"], Changes());
    }

    [Fact]
    public void An_entry_ends_for_readers_once_the_log_has_the_time_and_for_watchers_when_it_is_swept()
    {
        Write(Put("a", "1") with { TtlMs = 500 });
        Clock(10_499);
        Assert.Equal("1", Read("a"));

        Clock(10_500);
        Assert.Equal(nameof(OutcomeKind.NotFound), Read("a"));
        Assert.Equal(["1 put a"], Changes());
        Assert.Equal(1UL, machine.Revision);

        Sweep("a");
        Assert.Equal(["1 put a", "2 expire a"], Changes());
        Assert.Equal(2UL, machine.Revision);
        Assert.False(fixture.Shard.TryGetHeader("a"u8, out _));
        Assert.Empty(fixture.Shard.FindExpired(long.MaxValue, 10));
    }

    [Fact]
    public void A_sweep_spares_what_lives_at_its_stamp_and_counts_a_key_once()
    {
        Write(Put("ends", "1") with { TtlMs = 500 }, Put("renewed", "1") with { TtlMs = 500 }, Put("stays", "1"));
        stampMs = 10_400;
        Write(Put("renewed", "2") with { TtlMs = 500 });
        stampMs = 10_600;
        Sweep("ends", "renewed", "stays", "ends", "never there");

        Assert.Equal(["1 put ends", "2 put renewed", "3 put stays", "4 put renewed", "5 expire ends"], Changes());
    }

    [Fact]
    public void What_is_written_over_an_entry_that_has_ended_and_was_not_swept_ends_it_first()
    {
        Write(Put("a", "1") with { TtlMs = 500 });
        stampMs = 10_500;
        var outcome = Write(Put("a", "2") with { Condition = WriteCondition.IfAbsent })[0];

        Assert.Equal((OutcomeKind.Ok, new VersionStamp(3), true), (outcome.Kind, outcome.Version, outcome.Changed));
        Assert.Equal(["1 put a", "2 expire a", "3 put a"], Changes());
    }

    [Fact]
    public void Changes_older_than_the_retention_go_and_the_state_says_from_where_they_are_kept()
    {
        for (var at = 0; at < 20; at++)
        {
            Write(Put($"{at}", "v"));
            stampMs += 100;
        }

        // A sixteenth of the retention later than at its end, so that they go in strokes.
        Assert.Equal("10", Changes()[0][..2]);
        Assert.Equal(9UL, machine.State.ChangesAfter);
        Assert.Equal(BytesOf(Changes()), machine.State.ChangeBytes);
    }

    [Fact]
    public void A_replica_that_restarts_in_between_keeps_and_trims_the_same()
    {
        using var other = new MachineUnderTestPair(machine);
        for (var at = 0; at < 60; at++)
        {
            var operations = (Operation[])[Put($"{at % 7}", $"{at}"), Delete($"{(at + 1) % 5}")];
            var payload = Payload(operations, atomic: at % 3 == 0);
            other.Apply(payload);
            Apply(payload);
            stampMs += 37;
            if (at % 4 == 0)
            {
                machine = new(fixture.Shard);
            }
            Assert.Equal(other.Rows(), MachineUnderTestPair.Rows(fixture));
        }
        Assert.True(machine.State.ChangesAfter > 0);
    }

    [Fact]
    public void Turned_off_it_forgets_all_changes_and_keeps_none()
    {
        for (var at = 0; at < 300; at++)
        {
            Write(Put($"{at}", "v"));
        }
        Apply(ShardCommandCodec.Encode([Put("off", "v")], atomic: false, stampMs, new(0, 60_000, 0)));
        Assert.Equal(301UL, machine.State.ChangesAfter);
        Apply(ShardCommandCodec.Encode([Put("off", "w")], atomic: false, stampMs, new(0, 60_000, 0)));

        Assert.Empty(Changes());
        Assert.Equal((302UL, 0L), (machine.State.ChangesAfter, machine.State.ChangeBytes));
    }

    [Fact]
    public void A_state_of_format_1_says_that_no_change_of_before_is_kept()
    {
        var row = new byte[16];
        BitConverter.TryWriteBytes(row, 41UL);
        BitConverter.TryWriteBytes(row.AsSpan(8), 9_000L);
        var batch = fixture.Shard.NewBatch();
        batch.PutMeta("s"u8, row);
        fixture.Shard.Apply(batch);

        machine = new(fixture.Shard);
        Assert.Equal(new ShardState(41, 9_000, default, 41, 0), machine.State);
        Write(Put("a", "1"));
        Assert.Equal(["42 put a"], Changes());
        Assert.Equal(new Term(1), machine.State.Term);
    }

    [Fact]
    public void Keys_outside_of_what_the_shard_owns_are_refused_where_they_are_written_and_read()
    {
        Own("b", "n");
        Own("a", "z");

        var outcomes = Write(Put("a", "1"), Put("b", "2"), Delete("n"));
        Assert.Equal(
            [OutcomeKind.WrongShard, OutcomeKind.Ok, OutcomeKind.WrongShard],
            outcomes.Select(outcome => outcome.Kind)
        );
        Assert.Equal(["1 put b"], Changes());
        Assert.Equal(nameof(OutcomeKind.WrongShard), Read("a"));
        Assert.Equal("2", Read("b"));

        machine = new(fixture.Shard);
        Assert.Equal(OutcomeKind.WrongShard, Write(Put("z", "1"))[0].Kind);
        Assert.Equal(1UL, machine.Ownership!.Generation);
    }

    [Fact]
    public void An_atomic_command_with_a_key_of_another_shard_or_of_another_generation_is_refused_as_a_whole()
    {
        Own("b", "n");

        var misplaced = Write(atomic: true, Put("b", "1"), Put("z", "1"));
        Assert.All(misplaced, outcome => Assert.Equal(OutcomeKind.WrongShard, outcome.Kind));
        var planned = Apply(
            ShardCommandCodec.Encode([Put("c", "1")], atomic: true, stampMs, new(0, 60_000, RetentionMs), generation: 2)
        );
        Assert.Equal(OutcomeKind.WrongShard, planned.Writes[0].Kind);
        Assert.Empty(Changes());
        Assert.Equal(OutcomeKind.Ok, Write(atomic: true, Put("c", "1") with { RequestId = "r" })[0].Kind);
    }

    [Fact]
    public void A_misplaced_write_is_not_remembered_under_its_request_id()
    {
        Own("b", "n");
        var write = Put("z", "1") with { RequestId = "r" };
        Assert.Equal(OutcomeKind.WrongShard, Write(write)[0].Kind);
        Assert.Equal(OutcomeKind.WrongShard, Write(write)[0].Kind);
        Assert.Equal(OutcomeKind.Ok, Write(Put("c", "1") with { RequestId = "r" })[0].Kind);
    }

    [Fact]
    public void Shards_of_a_map_own_each_key_exactly_once()
    {
        var map = new KeyspaceMap
        {
            Name = "k",
            KeyspaceId = 1,
            Epoch = 1,
            Settings = new() { PartitionDelimiter = "/" },
            Shards =
            [
                .. Enumerable
                    .Range(0, 5)
                    .Select(at => new ShardPlacement
                    {
                        ShardId = at + 10,
                        FirstSlot = KeyHash.Slots / 5 * at,
                        Replicas = [],
                    }),
            ],
        };
        var owners = map
            .Shards.Select(shard => ShardOwnership.Decode(ShardOwnership.Of(map, shard.ShardId)!.Encode())!)
            .ToArray();
        Assert.Null(ShardOwnership.Of(map, 99));
        for (var number = 0; number < 500; number++)
        {
            var key = Encoding.UTF8.GetBytes($"user-{number}/{number * 7}");
            var owner = Assert.Single(Enumerable.Range(0, 5), at => owners[at].Owns(key));
            Assert.Equal(map.ShardIndexOf(key), owner);
        }
    }

    private static Operation Put(string key, string value) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };

    private static Operation Delete(string key) =>
        new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes(key) };

    private byte[] Payload(Operation[] operations, bool atomic) =>
        ShardCommandCodec.Encode(operations, atomic, stampMs, new(0, 60_000, RetentionMs), generation: 1);

    private AppliedWrite[] Write(params Operation[] operations) => Write(atomic: false, operations);

    private AppliedWrite[] Write(bool atomic, params Operation[] operations) =>
        Apply(Payload(operations, atomic)).Writes;

    private void Clock(long nowMs) => Apply(ShardCommandCodec.EncodeClock(nowMs));

    private void Sweep(params string[] keys) =>
        Apply(ShardCommandCodec.EncodeSweep(stampMs, RetentionMs, [.. keys.Select(Encoding.UTF8.GetBytes)]));

    private void Own(string start, string end) =>
        Apply(
            ShardCommandCodec.EncodeOwnership(
                stampMs,
                new()
                {
                    Generation = 1,
                    FirstSlot = 0,
                    EndSlot = KeyHash.Slots,
                    Keys = new(Encoding.UTF8.GetBytes(start), Encoding.UTF8.GetBytes(end)),
                }
            )
        );

    private AppliedCommand Apply(byte[] payload) =>
        machine.Apply(new(new(1), machine.Applied.Next, EntryKind.Command, payload), null);

    private string Read(string key)
    {
        var get = new Operation { Kind = OperationKind.Get, Key = Encoding.UTF8.GetBytes(key) };
        var reads = new PlacedReads([get], life: 7);
        machine.Answer(reads, nowMs: 0);
        return MachineUnderTest.Text(reads.Outcomes[0]);
    }

    private List<string> Changes(ulong after = 0)
    {
        List<string> changes = [];
        ChangeLog.Visit(
            fixture.Shard,
            after,
            row =>
            {
                changes.Add($"{row.Revision} {row.Kind} ".ToLowerInvariant() + Encoding.UTF8.GetString(row.Key.Span));
                return true;
            }
        );
        return changes;
    }

    private static long BytesOf(List<string> changes) =>
        changes.Sum(change => ChangeRow.KeyBytes + 1 + sizeof(long) + change.Split(' ')[2].Length);
}

/// <summary>A second replica that applies the same and never restarts.</summary>
internal sealed class MachineUnderTestPair : IDisposable
{
    private readonly DiskStoreFixture fixture = new();
    private readonly ShardStateMachine machine;

    public MachineUnderTestPair(ShardStateMachine like)
    {
        machine = new(fixture.Shard);
        Assert.Equal(like.State, machine.State);
    }

    public void Apply(byte[] payload) =>
        machine.Apply(new(new(1), machine.Applied.Next, EntryKind.Command, payload), null);

    public List<string> Rows() => Rows(fixture);

    public static List<string> Rows(DiskStoreFixture fixture)
    {
        List<string> rows = [];
        using var scan = fixture.Shard.ScanState();
        while (scan.MoveNext())
        {
            var value = scan.IsMeta ? scan.Meta : scan.Entry.Value;
            rows.Add($"{Convert.ToHexString(scan.Key)}={Convert.ToHexString(value.Span)}");
        }
        return rows;
    }

    public void Dispose() => fixture.Dispose();
}
