using System.Text;
using CsCheck;
using Exapyte.Grains.Replicas;
using Exapyte.Operations;
using Exapyte.Storage.Stores;

namespace Exapyte.Grains.Tests.Replicas;

/// <summary>An item of a batch sees what stands before it in the batch, and nothing that stands behind it.</summary>
public sealed class BatchOrderTests : IDisposable
{
    private readonly MachineUnderTest shard = new();

    public void Dispose() => shard.Dispose();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_read_sees_the_writes_before_it_and_none_behind_it(bool atomic)
    {
        shard.Alone(Put("d", "old"));

        Assert.Equal(
            ["old", "new", "NotFound", "x", "NotFound"],
            shard.Read(
                atomic,
                Get("d"),
                Put("d", "new"),
                Get("d"),
                Get("e"),
                Put("e", "x"),
                Get("e"),
                Delete("e"),
                Get("e")
            )
        );
        Assert.Equal(("new", null), (shard.ValueOf("d"), shard.ValueOf("e")));
    }

    [Fact]
    public void Batches_answer_like_a_dictionary()
    {
        Dictionary<string, string> model = [];
        var item = Gen.Select(Gen.Int[0, 3], Gen.Int[0, 4]);
        foreach (var batch in Gen.Select(Gen.Bool, item.Array[1, 12]).Array[200].Single())
        {
            List<string> expected = [];
            List<Operation> operations = [];
            foreach (var (key, what) in batch.Item2)
            {
                switch (what)
                {
                    case 0:
                        operations.Add(Delete($"{key}"));
                        model.Remove($"{key}");
                        break;
                    case 1:
                        operations.Add(Put($"{key}", $"v{operations.Count}"));
                        model[$"{key}"] = $"v{operations.Count - 1}";
                        break;
                    default:
                        operations.Add(Get($"{key}"));
                        expected.Add(model.GetValueOrDefault($"{key}", "NotFound"));
                        break;
                }
            }
            Assert.Equal(expected, shard.Read(batch.Item1, [.. operations]));
        }
    }

    [Fact]
    public void All_reads_of_a_batch_judge_expiry_at_one_time_the_logs()
    {
        shard.Batch(atomic: false, Put("a", "1") with { TtlMs = 10 }, Put("b", "1") with { TtlMs = 10 });
        shard.StampMs += 9;
        Assert.Equal(["1", "1"], shard.Read(atomic: true, Get("a"), Put("c", "1"), Get("b")));
        shard.StampMs += 1;
        Assert.Equal(["NotFound", "NotFound"], shard.Read(atomic: true, Get("a"), Put("c", "1"), Get("b")));

        var reads = new PlacedReads([Get("c"), Get("a")], life: 7);
        shard.Machine.Answer(reads, nowMs: 0);
        Assert.Equal(["1", "NotFound"], reads.Outcomes.Select(MachineUnderTest.Text));
    }

    [Fact]
    public void A_version_that_leaves_has_the_keyspaces_id()
    {
        var reads = new PlacedReads([Get("a"), Put("a", "1"), Get("a")], life: 7);
        shard.Alone(Put("a", "0"));
        shard.Machine.Answer(reads, nowMs: 0);
        Assert.All(reads.Outcomes, outcome => Assert.Equal(new VersionStamp(1, 7), outcome.Version));
    }

    [Fact]
    public void Nobody_hears_of_a_revision_before_the_store_has_its_entry()
    {
        var store = new PeekedStore(new MemoryStore(new(), TimeProvider.System));
        var machine = new ShardStateMachine(store);
        List<(ulong Revision, long StampMs, ulong Applied)> seen = [];
        store.BeforeApply = () => seen.Add((machine.Revision, machine.StampMs, store.AppliedIndex));
        for (var i = 1; i <= 3; i++)
        {
            var payload = Grains.Replicas.Commands.ShardCommandCodec.Encode(
                [Put("a", $"{i}"), Put("b", $"{i}")],
                atomic: false,
                stampMs: i * 100,
                new(0, 1_000)
            );
            machine.Apply(new(new(1), machine.Applied.Next, Raft.EntryKind.Command, payload), null);
        }

        Assert.Equal([(0UL, 0L, 0UL), (2UL, 100L, 1UL), (4UL, 200L, 2UL)], seen);
        Assert.Equal((6UL, 300L), (machine.Revision, machine.StampMs));
    }

    [Fact]
    public void A_full_store_leaves_revision_and_time_as_they_were()
    {
        var store = new PeekedStore(new MemoryStore(new(), TimeProvider.System));
        var machine = new ShardStateMachine(store);
        var payload = Grains.Replicas.Commands.ShardCommandCodec.Encode(
            [Get("a"), Put("a", "1")],
            false,
            100,
            new(0, 1_000)
        );
        var entry = new Raft.LogEntry(new(1), new(1), Raft.EntryKind.Command, payload);
        var reads = new PlacedReads([Get("a"), Put("a", "1")], life: 7);
        store.BeforeApply = () => throw new StoreFullException("full");
        Assert.Throws<StoreFullException>(() => machine.Apply(entry, null, reads));
        Assert.Equal((0UL, 0L), (machine.Revision, machine.StampMs));

        store.BeforeApply = null;
        machine.Apply(entry, null, reads);
        Assert.Equal((1UL, 100L), (machine.Revision, machine.StampMs));
        Assert.Equal(["NotFound"], reads.Outcomes.Select(MachineUnderTest.Text));
    }

    private static Operation Put(string key, string value) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(value),
        };

    private static Operation Get(string key) => new() { Kind = OperationKind.Get, Key = Encoding.UTF8.GetBytes(key) };

    private static Operation Delete(string key) =>
        new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes(key) };
}

/// <summary>A store that says when it is about to apply a batch.</summary>
internal sealed class PeekedStore(IShardStore store) : IShardStore
{
    public Action? BeforeApply { get; set; }

    /// <summary>Takes the place of a scan.</summary>
    public Func<IStoreScan, IStoreScan> OnScan { get; set; } = static scan => scan;

    public ulong AppliedIndex => store.AppliedIndex;

    public long ApproximateCount => store.ApproximateCount;

    public long ApproximateBytes => store.ApproximateBytes;

    public ulong ReadFlushedIndex() => store.ReadFlushedIndex();

    public StoreBatch NewBatch() => store.NewBatch();

    public void Apply(StoreBatch batch)
    {
        BeforeApply?.Invoke();
        store.Apply(batch);
    }

    public bool TryGet(ReadOnlySpan<byte> key, out StoredEntry entry) => store.TryGet(key, out entry);

    public bool TryGetHeader(ReadOnlySpan<byte> key, out StoredEntry entryWithoutValue) =>
        store.TryGetHeader(key, out entryWithoutValue);

    public byte[]? GetMeta(ReadOnlySpan<byte> key) => store.GetMeta(key);

    public void ScanMeta(ReadOnlySpan<byte> prefix, MetaVisitor visitor, ReadOnlySpan<byte> from = default) =>
        store.ScanMeta(prefix, visitor, from);

    public IReadOnlyList<byte[]> FindExpired(long atMs, int entriesMax) => store.FindExpired(atMs, entriesMax);

    public IStoreScan Scan(KeyRange range, bool reverse) => OnScan(store.Scan(range, reverse));

    public long SweepExpired(long appliedStampMs, int entriesMax) => store.SweepExpired(appliedStampMs, entriesMax);

    public void Clear() => store.Clear();
}
