using CsCheck;
using Exapyte.Client.Backups;
using Exapyte.Operations;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Tests.Backups;

public sealed class ShardSnapshotTests
{
    private const long NowMs = 100;

    private static readonly ExapyteClientOptions Options = new()
    {
        OperationTimeout = TimeSpan.FromSeconds(5),
        RetryPauseMin = TimeSpan.FromMilliseconds(1),
        RetryPauseMax = TimeSpan.FromMilliseconds(2),
    };

    // What is written under a stamp follows from it.
    private static readonly Gen<StampedEntry> Written = Gen.Select(
        Gen.Byte[0, 9],
        Gen.ULong[1, 9],
        (key, revision) => Entry([key], revision, tombstone: revision % 4 == 0, expiresMs: revision % 3 == 0 ? 50 : 0)
    );

    [Fact]
    public async Task Of_what_several_replicas_keep_the_newest_live_entry_of_each_key_is_read_in_order()
    {
        await Gen.Select(Written.Array[0, 12].Array[1, 3], Gen.Int[1, 3])
            .SampleAsync(
                async (replicas, pageEntries) =>
                {
                    var held = replicas.Select(Newest).ToArray();
                    await using var snapshot = new ShardSnapshot(
                        [.. held.Select(entries => Stream(new KeptState(entries, pageEntries)))],
                        0,
                        null
                    );
                    var expected = Newest([.. held.SelectMany(entries => entries)])
                        .Where(entry => !entry.Tombstone && entry.ExpiresMs == 0);
                    Assert.Equal(expected.Select(Text), (await ReadAll(snapshot)).Select(Text));
                }
            );
    }

    [Fact]
    public async Task A_page_whose_answer_was_lost_is_asked_for_again()
    {
        var state = new KeptState([Entry([1], 1), Entry([2], 1), Entry([3], 1)], pageEntries: 1) { LosesEvery = 2 };
        await using var snapshot = new ShardSnapshot([Stream(state)], 0, null);
        Assert.Equal(3, (await ReadAll(snapshot)).Count);
    }

    [Fact]
    public async Task A_state_that_is_not_kept_any_more_ends_the_reading()
    {
        var state = new KeptState([Entry([1], 1), Entry([2], 1)], pageEntries: 1) { KeptPages = 1 };
        await using var snapshot = new ShardSnapshot([Stream(state)], 0, null);
        var part = await snapshot.MergeAsync(1 << 20, NowMs, TestContext.Current.CancellationToken);
        Assert.Equal(OutcomeKind.Unavailable, part.WhyNot?.Kind);
    }

    [Fact]
    public async Task What_was_opened_is_let_go()
    {
        var state = new KeptState([Entry([1], 1)], pageEntries: 1);
        await using (new ShardSnapshot([Stream(state)], 0, null)) { }
        Assert.True(state.Closed);
    }

    private static async Task<List<StampedEntry>> ReadAll(ShardSnapshot snapshot)
    {
        List<StampedEntry> all = [];
        while (true)
        {
            var part = await snapshot.MergeAsync(bytesMax: 3, NowMs, TestContext.Current.CancellationToken);
            Assert.Null(part.WhyNot);
            all.AddRange(part.Entries);
            if (!part.More)
            {
                return all;
            }
        }
    }

    private static SnapshotStream Stream(KeptState state) => new(state, 7, Options, new(TimeProvider.System));

    private static StampedEntry[] Newest(StampedEntry[] entries) =>
        [
            .. entries
                .GroupBy(entry => entry.Key.Span[0])
                .OrderBy(group => group.Key)
                .Select(group => group.MaxBy(entry => entry.Version)!),
        ];

    private static StampedEntry Entry(byte[] key, ulong revision, bool tombstone = false, long expiresMs = 0) =>
        new()
        {
            Key = key,
            Version = new(revision, 1),
            Tombstone = tombstone,
            ExpiresMs = expiresMs,
            Value = tombstone ? default : new byte[] { (byte)revision },
        };

    private static string Text(StampedEntry entry) => $"{entry.Key.Span[0]}@{entry.Version}";

    /// <summary>A replica that keeps a state.</summary>
    private sealed class KeptState(StampedEntry[] entries, int pageEntries) : IShardReplica
    {
        private int calls;

        public int LosesEvery { get; init; } = int.MaxValue;

        public long KeptPages { get; init; } = long.MaxValue;

        public bool Closed { get; private set; }

        public ValueTask<ChangesReply> ReadChanges(ChangesRequest request) => throw new NotSupportedException();

        public ValueTask<SnapshotPage> ReadSnapshot(SnapshotPageRequest request)
        {
            Assert.Equal(7, request.SnapshotId);
            if (request.Close)
            {
                Closed = true;
                return new(new SnapshotPage { Kind = OutcomeKind.Ok });
            }
            if (++calls % LosesEvery == 0)
            {
                throw new TimeoutException("The answer was lost.");
            }
            var from = (int)(request.Page - 1) * pageEntries;
            return new(
                request.Page > KeptPages
                    ? new SnapshotPage { Kind = OutcomeKind.Unavailable, Detail = "Not kept any more." }
                    : new()
                    {
                        Kind = OutcomeKind.Ok,
                        Entries = [.. entries.Skip(from).Take(pageEntries)],
                        More = from + pageEntries < entries.Length,
                    }
            );
        }

        public ValueTask<BatchReply> Execute(OperationBatch batch) => throw new NotSupportedException();

        public ValueTask<ScanReply> Scan(ScanRequest request) => throw new NotSupportedException();

        public ValueTask<ReplicaStatus> Status() => throw new NotSupportedException();
    }
}
