using System.Text;
using CsCheck;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Grains.Replicas.Snapshots;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries;
using Exapyte.Raft;
using Exapyte.Testing.Stores;
using Exapyte.Topology;

namespace Exapyte.Grains.Tests.Indexes;

/// <summary>Indexes as the log of a shard makes them.</summary>
public sealed class ShardIndexesTests : IDisposable
{
    private static readonly KeyspaceIndex ByCity = IndexedShard.Index("by-city", "doc.city", "doc.age");
    private static readonly KeyspaceIndex ByAge = IndexedShard.Index("by-age", "doc.age");

    private readonly IndexedShard shard = new();

    public void Dispose() => shard.Dispose();

    [Fact]
    public void Every_kind_of_write_keeps_the_rows_of_its_entry()
    {
        shard.Define(ByCity, ByAge);
        shard.Finish();
        shard.Put("a", """{"city":"Bonn","age":3}""");
        shard.Put("a", """{"city":"Ulm","age":3}""");
        shard.Put("b", """{"city":"Bonn"}""");
        shard.Put("c", "no json");
        shard.Put("n", "41");
        shard.Write(
            atomic: true,
            IndexedShard.PutOf("d", """{"city":"Kiel","age":1}"""),
            IndexedShard.PutOf("d", """{"city":"Kiel","age":2}"""),
            IndexedShard.DeleteOf("b")
        );
        shard.Write(
            atomic: false,
            Change(OperationKind.Merge, "a", """{"age":null}"""),
            Change(OperationKind.Increment, "n", "1"),
            IndexedShard.PutOf("e", """{"age":9}""") with
            {
                TtlMs = 500,
            }
        );
        Assert.Equal(["a", "d"], KeysBy(ByCity, "doc.city >= ''"));
        Assert.Equal(["d"], KeysBy(ByCity, "doc.city == 'Kiel' && doc.age == 2"));
        Assert.Empty(KeysBy(ByCity, "doc.city == 'Kiel' && doc.age == 1"));
        Assert.Equal(["d", "e"], KeysBy(ByAge, "doc.age > 0"));
        AssertExact();

        shard.StampMs = 11_000;
        shard.Sweep();
        Assert.Equal(["d"], KeysBy(ByAge, "doc.age > 0"));
        AssertExact();
    }

    [Fact]
    public void An_atomic_command_that_is_refused_leaves_the_rows_as_they_were()
    {
        shard.Define(ByAge);
        shard.Finish();
        shard.Put("a", """{"age":1}""");
        var rows = shard.Rows();
        var refused = shard.Write(
            atomic: true,
            IndexedShard.PutOf("a", """{"age":2}"""),
            IndexedShard.PutOf("b", """{"age":3}"""),
            IndexedShard.PutOf("a", """{"age":4}""") with
            {
                Condition = WriteCondition.IfAbsent,
            }
        );
        Assert.Equal(2, refused.RefusedAt);
        Assert.Equal(rows, shard.Rows());
        AssertExact();
    }

    [Fact]
    public void Entries_from_before_an_index_are_taken_in_step_by_step_while_writes_go_on()
    {
        for (var i = 0; i < 50; i++)
        {
            shard.Put($"k{i:00}", $$"""{"age":{{i}}}""");
        }
        shard.Define(ByAge);
        Assert.Equal(IndexState.Building, State("by-age"));
        shard.Step(20);
        shard.Put("k05", """{"age":500}""");
        shard.Put("k45", """{"age":450}""");
        shard.Write(atomic: false, IndexedShard.DeleteOf("k06"), IndexedShard.DeleteOf("k46"));
        Assert.False(shard.Page(UseOf(ByAge, "doc.age >= 0")).ByIndex);
        shard.Step(20);
        shard.Step(20);

        Assert.Equal(IndexState.Ready, State("by-age"));
        Assert.Equal(49, shard.Machine.Indexes.Indexes[0].Done);
        Assert.Equal(["k05", "k45"], KeysBy(ByAge, "doc.age > 100"));
        AssertExact();
    }

    [Fact]
    public void A_step_that_was_proposed_twice_is_taken_once_and_an_older_map_decides_nothing()
    {
        for (var i = 0; i < 10; i++)
        {
            shard.Put($"k{i}", $$"""{"age":{{i}}}""");
        }
        shard.Define(ByAge);
        var step = shard.StepOf(shard.Machine.Indexes.Indexes[0], 4);
        shard.Apply(step);
        shard.Apply(step);
        Assert.Equal(4, shard.Machine.Indexes.Indexes[0].Done);

        shard.Apply(IndexCommandCodec.EncodeIndexes(1, mapEpoch: 0, [ByCity]));
        Assert.Equal("by-age", Assert.Single(shard.Machine.Indexes.Indexes).Definition.Name);
        shard.Finish();
        AssertExact();
    }

    [Fact]
    public void What_is_dropped_is_not_read_from_then_on_and_loses_its_rows_step_by_step()
    {
        for (var i = 0; i < 10; i++)
        {
            shard.Put($"k{i}", $$"""{"age":{{i}}}""");
        }
        shard.Define(ByAge);
        shard.Finish();
        var use = UseOf(ByAge, "doc.age >= 0");
        Assert.True(shard.Page(use).ByIndex);

        shard.Define();
        Assert.False(shard.Page(use).ByIndex);
        shard.Step(4);
        Assert.Equal(6, shard.Rows().Count);
        shard.Define(ByAge);
        Assert.Equal(
            [IndexState.Dropping, IndexState.Building],
            shard.Machine.Indexes.Indexes.Select(index => index.State)
        );
        shard.Finish();
        Assert.Equal(2UL, Assert.Single(shard.Machine.Indexes.Indexes).Generation);
        Assert.True(shard.Page(use).ByIndex);
        AssertExact();
    }

    [Fact]
    public void An_index_of_the_name_over_other_paths_is_made_anew_and_answers_nobody_who_asks_for_the_old_one()
    {
        shard.Put("a", """{"city":"Bonn","age":3}""");
        shard.Define(ByAge);
        shard.Finish();
        var old = UseOf(ByAge, "doc.age == 3");
        var changed = IndexedShard.Index("by-age", "doc.city");
        shard.Define(changed);
        shard.Finish();
        Assert.False(shard.Page(old).ByIndex);
        Assert.Equal(["a"], KeysBy(changed, "doc.city == 'Bonn'"));
        AssertExact();
    }

    [Theory]
    [InlineData("doc.age >= 0")]
    [InlineData("doc.age in [1, 3, 5, 7]")]
    [InlineData("doc.age == 3")]
    public void Pages_by_an_index_follow_each_other_in_the_order_of_keys(string where)
    {
        shard.Define(ByAge);
        shard.Finish();
        for (var i = 0; i < 500; i++)
        {
            shard.Put($"k{(i * 37) % 500:000}", $$"""{"age":{{i % 10}}}""");
        }
        var use = UseOf(ByAge, where);
        var plan = QueryPlan.Compile(new() { Where = where });
        var expected = Enumerable
            .Range(0, 500)
            .Where(i => where.Contains('>') || (where.Contains("in") ? i % 10 % 2 == 1 && i % 10 < 9 : i % 10 == 3))
            .Select(i => $"k{(i * 37) % 500:000}")
            .Order(StringComparer.Ordinal);
        List<string> found = [];
        ReadOnlyMemory<byte> start = default;
        while (true)
        {
            var page = shard.Page(use, 17, start);
            Assert.True(page.ByIndex);
            Assert.True(page.Entries.Length <= 17);
            found.AddRange(page.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span)));
            if (!page.More)
            {
                break;
            }
            start = (byte[])[.. page.Entries[^1].Key.Span, 0];
        }
        Assert.Equal(expected, found);
        Assert.NotNull(plan);
    }

    [Fact]
    public void Whatever_is_written_defined_dropped_restarted_or_sent_elsewhere_the_rows_are_those_of_the_entries() =>
        Gen.Int.Sample(
            seed =>
            {
                using var one = new IndexedShard();
                using var replica = new IndexedShard();
                var random = new Random(seed);
                List<IndexedShard> both = [one, replica];
                for (var i = 0; i < 60; i++)
                {
                    Act(random, both);
                    Assert.True(IsSound(one), $"step {i}");
                }
                Assert.Equal(one.Rows(), replica.Rows());
                one.Finish();
                Assert.Equal(one.Recomputed(), one.Rows());
                AssertSnapshotHasAll(one);
            },
            iter: 40,
            threads: 2
        );

    /// <summary>What is ready has every row and no other; what is built has none that is wrong.</summary>
    private static bool IsSound(IndexedShard shard)
    {
        var rows = shard.Rows().ToHashSet(StringComparer.Ordinal);
        var expected = shard.Recomputed().ToHashSet(StringComparer.Ordinal);
        return shard.Machine.Indexes.Indexes.All(index =>
        {
            var prefix = "78" + index.Generation.ToString("X16");
            var mine = rows.Where(row => row.StartsWith(prefix, StringComparison.Ordinal)).ToHashSet();
            var wanted = expected.Where(row => row.StartsWith(prefix, StringComparison.Ordinal)).ToHashSet();
            return index.State switch
            {
                IndexState.Ready => mine.SetEquals(wanted),
                IndexState.Building => mine.IsSubsetOf(wanted),
                _ => true,
            };
        });
    }

    private static void Act(Random random, List<IndexedShard> both)
    {
        KeyspaceIndex[] all = [ByCity, ByAge, IndexedShard.Index("by-city", "doc.city")];
        switch (random.Next(12))
        {
            case 0:
                KeyspaceIndex[] wanted = [.. all.Where(_ => random.Next(2) == 0).DistinctBy(index => index.Name)];
                both.ForEach(shard => shard.Define(wanted));
                break;
            case 1 or 2 or 3:
                var entries = random.Next(1, 6);
                both.ForEach(shard => shard.Step(entries));
                break;
            case 4:
                // One restarts, the other does not: what each computes must not depend on it.
                both[0].Restart(afterCrash: random.Next(2) == 0);
                break;
            case 5:
                both.ForEach(shard => shard.StampMs += 300);
                both.ForEach(shard => shard.Sweep());
                break;
            default:
                Operation[] writes = [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => WriteOf(random))];
                var atomic = random.Next(3) == 0;
                both.ForEach(shard => shard.Write(atomic, writes));
                break;
        }
    }

    private static Operation WriteOf(Random random)
    {
        var key = $"k{random.Next(12)}";
        var document = random.Next(5) switch
        {
            0 => "{}",
            1 => $$"""{"city":"{{"ABC"[random.Next(3)]}}"}""",
            2 => "[]",
            _ => $$"""{"city":"{{"ABC"[random.Next(3)]}}","age":{{random.Next(4)}}}""",
        };
        return random.Next(6) switch
        {
            0 => IndexedShard.DeleteOf(key),
            1 => Change(OperationKind.Merge, key, """{"age":7}"""),
            2 => IndexedShard.PutOf(key, document) with { TtlMs = 1 + random.Next(800) },
            3 => IndexedShard.PutOf(key, document) with { Condition = WriteCondition.IfAbsent },
            _ => IndexedShard.PutOf(key, document),
        };
    }

    private static void AssertSnapshotHasAll(IndexedShard shard)
    {
        using var other = new DiskStoreFixture();
        var batch = other.Shard.NewBatch();
        using var source = new SnapshotSource(shard.Machine, 1, new(1), Configuration.Of(new MemberId(1)), 1_000);
        SnapshotPart part;
        do
        {
            part = SnapshotPart.Decode(source.Next().Encode())!;
            foreach (var row in part.Rows)
            {
                if (row.IsMeta)
                {
                    batch.PutMeta(row.Key.Span, row.Entry.Value.Span);
                }
                else
                {
                    batch.Put(row.Key.Span, row.Entry);
                }
            }
        } while (!part.IsLast);
        other.Shard.Apply(batch);
        List<string> rows = [];
        other.Shard.ScanMeta(
            "x"u8,
            (key, _) =>
            {
                if (key.Length > 1)
                {
                    rows.Add(Convert.ToHexString(key));
                }
                return true;
            }
        );
        Assert.Equal(shard.Rows(), rows);
        Assert.Equal(shard.Machine.Indexes.Encode(), new ShardStateMachine(other.Shard).Indexes.Encode());
    }

    private static Operation Change(OperationKind kind, string key, string value) =>
        new()
        {
            Kind = kind,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };

    private void AssertExact() => Assert.Equal(shard.Recomputed(), shard.Rows());

    private IndexState State(string name) =>
        shard.Machine.Indexes.Indexes.Single(index => index.Definition.Name == name).State;

    private static Exapyte.Queries.Indexes.IndexUse UseOf(KeyspaceIndex index, string where) =>
        QueryPlan.Compile(new() { Where = where }).UseOf(IndexedShard.Shape(index))!;

    private IEnumerable<string> KeysBy(KeyspaceIndex index, string where)
    {
        var page = shard.Page(UseOf(index, where));
        Assert.True(page.ByIndex);
        return page.Entries.Select(entry => Encoding.UTF8.GetString(entry.Key.Span));
    }
}
