using System.Text;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;
using Exapyte.Grains.Replicas.Indexes;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Exapyte.Queries.Indexes;
using Exapyte.Raft;
using Exapyte.Storage.Stores;
using Exapyte.Testing.Stores;
using Exapyte.Topology;

namespace Exapyte.Grains.Tests.Indexes;

/// <summary>A shard on disk whose log the test writes, and what its indexes should hold, computed anew from its entries.</summary>
internal sealed class IndexedShard : IDisposable
{
    private readonly DiskStoreFixture fixture = new();
    private long epoch;

    public IndexedShard() => Machine = new(fixture.Shard);

    public ShardStateMachine Machine { get; private set; }

    public IShardStore Store => Machine.Store;

    public long StampMs { get; set; } = 10_000;

    public void Dispose() => fixture.Dispose();

    public AppliedCommand Apply(byte[] payload) =>
        Machine.Apply(new(new(1), Machine.Applied.Next, EntryKind.Command, payload), null);

    public AppliedCommand Write(bool atomic, params Operation[] operations) =>
        Apply(ShardCommandCodec.Encode(operations, atomic, StampMs, new(0, 60_000, 1_000)));

    public AppliedCommand Put(string key, string json) => Write(atomic: false, PutOf(key, json));

    public void Sweep() =>
        Apply(ShardCommandCodec.EncodeSweep(StampMs, 1_000, Store.FindExpired(StampMs, int.MaxValue)));

    /// <summary>Has the log say which indexes there are, by a newer map.</summary>
    public void Define(params KeyspaceIndex[] indexes) =>
        Apply(IndexCommandCodec.EncodeIndexes(StampMs, ++epoch, indexes));

    /// <summary>One step of what the leader would propose; false where nothing is left.</summary>
    public bool Step(int entriesMax = IndexWork.StepEntries)
    {
        var next = Array.Find(Machine.Indexes.Indexes, index => index.State != IndexState.Ready);
        if (next is not null)
        {
            Apply(StepOf(next, entriesMax));
        }
        return next is not null;
    }

    public byte[] StepOf(ShardIndex index, int entriesMax) =>
        IndexCommandCodec.EncodeStep(
            StampMs,
            new()
            {
                StampMs = StampMs,
                Generation = index.Generation,
                After = index.After,
                EntriesMax = entriesMax,
                BytesMax = IndexWork.StepBytes,
            }
        );

    public void Finish()
    {
        while (Step()) { }
    }

    public void Restart(bool afterCrash)
    {
        if (afterCrash)
        {
            var applied = Machine.Applied;
            fixture.Store.Flush();
            fixture.Crash();
            Machine = new(fixture.Shard);
            Assert.Equal(applied, Machine.Applied);
            return;
        }
        fixture.Reopen();
        Machine = new(fixture.Shard);
    }

    /// <summary>The rows of indexes in the store.</summary>
    public List<string> Rows()
    {
        List<string> rows = [];
        Store.ScanMeta(
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
        return rows;
    }

    /// <summary>What the rows of those indexes are that are not on their way out, as the entries say.</summary>
    public List<string> Recomputed()
    {
        List<string> rows = [];
        foreach (var index in Machine.Indexes.Indexes.Where(index => index.State != IndexState.Dropping))
        {
            var reader = new IndexReader([.. index.Definition.Paths.Select(IndexPath.Parse)]);
            using var scan = Store.Scan(KeyRange.All, reverse: false);
            while (scan.MoveNext())
            {
                if (reader.TryRead(scan.Current.Value, out var values))
                {
                    rows.Add(
                        "78"
                            + index.Generation.ToString("X16")
                            + Convert.ToHexString(values)
                            + Convert.ToHexString(scan.CurrentKey)
                    );
                }
            }
        }
        rows.Sort(StringComparer.Ordinal);
        return rows;
    }

    /// <summary>A page, read by an index; null: of all entries.</summary>
    public ScanReply Page(IndexUse? use, int entriesMax = 1_000, ReadOnlyMemory<byte> start = default) =>
        ReplicaReads.Scan(
            Store,
            new()
            {
                Start = start,
                EntriesMax = entriesMax,
                BytesMax = 4 << 20,
                MapEpoch = 1,
                TimeoutMs = 1_000,
                Index = use is null
                    ? null
                    : new()
                    {
                        Name = use.Index.Name,
                        Paths = [.. use.Index.Paths.Select(path => path.ToString())],
                        Ranges =
                        [
                            .. use.Ranges.Select(range => new IndexLookupRange
                            {
                                Start = range.Start,
                                End = range.End,
                            }),
                        ],
                    },
            },
            StampMs
        );

    public static KeyspaceIndex Index(string name, params string[] paths) => new() { Name = name, Paths = paths };

    public static IndexShape Shape(KeyspaceIndex index) => new(index.Name, [.. index.Paths.Select(IndexPath.Parse)]);

    public static Operation PutOf(string key, string json) =>
        new()
        {
            Kind = OperationKind.Put,
            Key = Encoding.UTF8.GetBytes(key),
            Value = Encoding.UTF8.GetBytes(json),
            ContentType = "application/json",
        };

    public static Operation DeleteOf(string key) =>
        new() { Kind = OperationKind.Delete, Key = Encoding.UTF8.GetBytes(key) };
}
