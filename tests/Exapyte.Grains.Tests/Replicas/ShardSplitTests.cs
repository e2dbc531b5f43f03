using System.Text;
using CsCheck;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>A split as the log applies it: two states where there was one, and nothing in both or in neither.</summary>
public sealed class ShardSplitTests : IDisposable
{
    private const ulong Parent = 20;
    private const ulong Child = 21;

    private readonly DiskStoreFixture fixture = new();
    private ShardStateMachine machine;
    private ulong lastChild = Child;

    public ShardSplitTests()
    {
        machine = Open(Parent);
        Apply(machine, ShardCommandCodec.EncodeOwnership(1_000, Whole));
    }

    public void Dispose() => fixture.Dispose();

    private static ShardOwnership Whole { get; } =
        new()
        {
            Generation = 1,
            FirstSlot = 0,
            EndSlot = KeyHash.Slots,
        };

    [Fact]
    public void What_lies_from_the_key_on_is_the_new_shards_and_the_rest_stays()
    {
        Put(machine, "a", "l", "m", "m\0", "z");

        Assert.NotNull(Split(machine, "m"));
        var child = Open(Child);

        Assert.Equal(["a", "l"], KeysOf(machine));
        Assert.Equal(["m", "m\0", "z"], KeysOf(child));
        Assert.Equal((machine.Revision, machine.StampMs), (child.Revision, child.StampMs));
        Assert.Equal((2UL, 2UL), (machine.Ownership!.Generation, child.Ownership!.Generation));
        Assert.Equal([new(Parent, child.Revision)], child.Ownership.Lineage);
        Assert.Equal(new(ShardSplit.BaseIndex), child.Applied);
        Assert.Equal(Configuration.Of(new MemberId(31), new MemberId(32)), child.ReadConfiguration());
    }

    [Fact]
    public void Each_shard_refuses_what_is_the_others_and_goes_on_with_its_own_revisions()
    {
        Put(machine, "a", "z");
        Split(machine, "m");
        var child = Open(Child);

        Assert.Equal([OutcomeKind.WrongShard, OutcomeKind.Ok], Put(machine, "z", "b"));
        Assert.Equal([OutcomeKind.Ok, OutcomeKind.WrongShard], Put(child, "y", "b"));
        Assert.Equal((3UL, 3UL), (machine.Revision, child.Revision));
        Assert.Equal(["a", "b"], KeysOf(Open(Parent)));
        Assert.Equal(["y", "z"], KeysOf(Open(Child)));
    }

    [Fact]
    public void A_request_that_is_sent_again_after_the_split_answers_as_before_wherever_its_key_went()
    {
        var before = Named("z", "1");
        var first = machine.Apply(Entry(machine, before), null).Writes[0];
        Put(machine, "a");
        Split(machine, "m");
        var child = Open(Child);
        Put(child, "y");

        Assert.Equal(first, child.Apply(Entry(child, before), null).Writes[0]);
        Assert.Equal(OutcomeKind.RequestIdReused, child.Apply(Entry(child, Named("z", "2")), null).Writes[0].Kind);
    }

    [Fact]
    public void A_split_that_was_planned_on_another_state_has_no_effect()
    {
        Put(machine, "a", "z");
        var stale = SplitAt("m") with { ConfigurationIndex = new(9) };
        Assert.Null(Apply(machine, stale));
        Assert.NotNull(Split(machine, "m"));

        // Proposed twice: the second finds another generation.
        Assert.Null(Apply(machine, SplitAt("c") with { Generation = 1 }));
        Assert.Equal(["a"], KeysOf(machine));
        Assert.Equal(["z"], KeysOf(Open(Child)));
    }

    [Theory]
    [InlineData("m")]
    [InlineData("z")]
    [InlineData("zz")]
    public void A_key_at_the_bounds_or_beyond_them_splits_nothing(string key)
    {
        Split(machine, "z");
        Split(machine, "m");
        var second = Open(lastChild);

        Assert.Null(Apply(second, SplitAt(key) with { Generation = second.Ownership!.Generation }));
        Assert.Null(Apply(second, SplitAt("a") with { Generation = second.Ownership.Generation }));
    }

    [Fact]
    public void After_a_crash_both_are_there_or_neither_and_the_log_makes_it_the_same_again()
    {
        var random = new Random(7);
        List<LogEntry> log = [];
        void Applied(LogEntry entry)
        {
            machine.Apply(entry, null);
            log.Add(entry);
        }
        for (var i = 0; i < 60; i++)
        {
            Applied(Entry(machine, Plain($"{random.Next(1_000):D3}")));
            if (i == 20)
            {
                fixture.Store.Flush();
            }
            if (i == 30)
            {
                Applied(EntryOf(machine, ShardCommandCodec.EncodeSplit(3_000, SplitAt("500").ToCommand())));
            }
        }
        var (left, right) = (KeysOf(machine), KeysOf(Open(Child)));

        fixture.Crash();
        machine = Open(Parent);
        Assert.Equal(machine.Ownership!.Generation == 1 ? 0UL : ShardSplit.BaseIndex, AppliedOf(Child));
        foreach (var entry in log.Where(entry => entry.Index > machine.Applied))
        {
            machine.Apply(entry, null);
        }

        Assert.Equal(left, KeysOf(machine));
        Assert.Equal(right, KeysOf(Open(Child)));
        Assert.NotEmpty(right);
    }

    [Fact]
    public void However_often_a_shard_is_split_each_key_is_in_exactly_one() =>
        Gen.Select(
                Gen.String[Gen.Char['a', 'f'], 1, 4].HashSet[1, 60],
                Gen.String[Gen.Char['a', 'f'], 1, 3].Array[1, 8]
            )
            .Sample(
                (keys, cuts) =>
                {
                    using var test = new ShardSplitTests();
                    List<ShardStateMachine> shards = [test.machine];
                    Put(test.machine, [.. keys]);
                    foreach (var cut in cuts)
                    {
                        var owner = shards.Single(shard => shard.Ownership!.Owns(Bytes(cut)));
                        if (test.Split(owner, cut) is not null)
                        {
                            shards.Add(test.Open(test.lastChild));
                        }
                    }
                    Assert.Equal(
                        keys.Order(StringComparer.Ordinal),
                        shards.SelectMany(KeysOf).Order(StringComparer.Ordinal)
                    );
                    foreach (var key in keys)
                    {
                        Assert.Single(shards, shard => shard.Store.TryGet(Bytes(key), out _));
                    }
                },
                iter: 60,
                threads: 1
            );

    private ShardStateMachine Open(ulong shard) =>
        new(fixture.Store.OpenShard(DiskStoreFixture.Prefix, shard), (long)shard);

    private ulong AppliedOf(ulong shard) => fixture.Store.OpenShard(DiskStoreFixture.Prefix, shard).AppliedIndex;

    private SplitCommand? Split(ShardStateMachine shard, string key)
    {
        var id = machine.Ownership!.Generation == 1 ? Child : lastChild + 1;
        var applied = Apply(
            shard,
            SplitAt(key) with
            {
                Generation = shard.Ownership!.Generation,
                ConfigurationIndex = shard.ReadConfiguration()?.Index ?? default,
                Child = id,
            }
        );
        lastChild = applied is null ? lastChild : id;
        return applied;
    }

    private static SplitCommand? Apply(ShardStateMachine shard, Wanted split)
    {
        Apply(shard, ShardCommandCodec.EncodeSplit(3_000, split.ToCommand()));
        return shard.LastSplit;
    }

    private static Wanted SplitAt(string key) => new(key, 1, default, Child);

    private static void Apply(ShardStateMachine shard, byte[] command) => shard.Apply(EntryOf(shard, command), null);

    private static OutcomeKind[] Put(ShardStateMachine shard, params string[] keys) =>
        [.. shard.Apply(Entry(shard, [.. keys.Select(Plain)]), null).Writes.Select(write => write.Kind)];

    private static Operation Plain(string key) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Bytes(key),
            Value = Bytes("v"),
        };

    private static Operation Named(string key, string value) =>
        RequestFingerprint.Name(Plain(key) with { Value = Bytes(value), RequestId = "r1" });

    private static LogEntry Entry(ShardStateMachine shard, params Operation[] operations) =>
        EntryOf(shard, ShardCommandCodec.Encode(operations, false, 2_000, new(0, 60_000, 60_000)));

    private static LogEntry EntryOf(ShardStateMachine shard, byte[] command) =>
        new(new(1), shard.Applied.Next, EntryKind.Command, command);

    private static string[] KeysOf(ShardStateMachine shard)
    {
        List<string> keys = [];
        using var scan = shard.Store.Scan(KeyRange.All, reverse: false);
        while (scan.MoveNext())
        {
            keys.Add(Encoding.UTF8.GetString(scan.CurrentKey));
        }
        return [.. keys];
    }

    private static byte[] Bytes(string text) => Encoding.UTF8.GetBytes(text);

    private sealed record Wanted(string Key, ulong Generation, LogIndex ConfigurationIndex, ulong Child)
    {
        public SplitCommand ToCommand() =>
            new()
            {
                StampMs = 3_000,
                MapEpoch = 5,
                Generation = Generation,
                ConfigurationIndex = ConfigurationIndex,
                Key = Bytes(Key),
                ChildShard = Child,
                Members = [new(new(11), new(31)), new(new(12), new(32))],
            };
    }
}
