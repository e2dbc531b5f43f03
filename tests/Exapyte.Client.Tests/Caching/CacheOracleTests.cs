using CsCheck;
using Exapyte.Client.Caching;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Client.Tests.Caching;

/// <summary>Reads, writes and words of changes in any order, against what a caller must never be shown.</summary>
public sealed class CacheOracleTests
{
    private const int Keys = 3;

    private enum Step
    {
        BeginRead,
        EndRead,
        Write,
        Hear,
        Doubt,
        Crowd,
        Pass,
        Look,
    }

    private static readonly Gen<(Step Step, int Key, int Which)[]> Runs = Gen.Select(
        Gen.Int[0, (int)Step.Look].Select(step => (Step)step),
        Gen.Int[0, Keys - 1],
        Gen.Int[0, 9]
    ).Array[1, 120];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Nothing_is_shown_that_is_older_than_what_this_process_has_been_told_or_than_its_lifetime(
        bool isRoomy
    ) =>
        Runs.Sample(run =>
        {
            using var world = new World(isRoomy ? 500 : 3);
            foreach (var (step, key, which) in run)
            {
                world.Take(step, key, which);
            }
        });

    /// <summary>
    /// A shard whose keys rise from version to version, and a cache before it. A read begins by looking at the shard as it is,
    /// and ends later. Where there is room for every floor, a read may also look at a replica that lags.
    /// </summary>
    private sealed class World : IDisposable
    {
        private readonly FakeTimeProvider time = new();
        private readonly ClientMeter meter = new(null);
        private readonly EntryCache cache;
        private readonly EntryCaches caches;
        private readonly bool isRoomy;
        private readonly ulong[] versions = [1, 1, 1];
        private readonly ulong[] told = new ulong[Keys];
        private readonly List<(int Key, CachedEntry Entry, long Begun)> reads = [];
        private int others;

        public World(int entriesMax)
        {
            isRoomy = entriesMax > 100;
            caches = new(new() { CacheBytesMax = 1 << 20 }, new(time), meter);
            cache = caches.Of(
                new()
                {
                    Name = "k",
                    KeyspaceId = 1,
                    Epoch = 1,
                    Settings = new()
                    {
                        Cache = new() { EntriesMax = entriesMax, TtlSeconds = 10 },
                    },
                    Shards = [],
                }
            )!;
        }

        public void Dispose() => meter.Dispose();

        public void Take(Step step, int key, int which)
        {
            switch (step)
            {
                case Step.BeginRead:
                    var lag = isRoomy ? (ulong)which / 3 : 0;
                    var version = versions[key] > lag ? versions[key] - lag : 1;
                    reads.Add((key, EntryOf(version), cache.Begin()));
                    break;
                case Step.EndRead when reads.Count > 0:
                    var (of, entry, begun) = reads[which % reads.Count];
                    reads.RemoveAt(which % reads.Count);
                    cache.Fill(BytesOf(of), entry, begun);
                    break;
                case Step.Write:
                    // Its caller hears of it, or another node's has, and word is lost.
                    versions[key]++;
                    if (which < 7)
                    {
                        Hear(key);
                    }
                    break;
                case Step.Hear:
                    Hear(key);
                    break;
                case Step.Doubt:
                    cache.Forget(BytesOf(key));
                    break;
                case Step.Crowd:
                    for (var i = 0; i <= which; i++)
                    {
                        cache.Invalidate(BitConverter.GetBytes(1_000 + others++), new(1, 1));
                    }
                    break;
                case Step.Pass:
                    time.Advance(TimeSpan.FromSeconds(which));
                    break;
                case Step.Look:
                    Look(key);
                    break;
            }
        }

        private void Hear(int key)
        {
            cache.Invalidate(BytesOf(key), new(versions[key], 1));
            told[key] = versions[key];
            Look(key);
        }

        private void Look(int key)
        {
            var operation = new Operation { Kind = OperationKind.Get, Key = BytesOf(key) };
            if (cache.Find(operation, ReadProof.None, 1, null, out var stalenessMs) is not { } found)
            {
                return;
            }
            Assert.True(
                found.Outcome.Version.Revision >= told[key],
                $"Version {found.Outcome.Version.Revision} of key {key}, of which {told[key]} was known."
            );
            Assert.InRange(stalenessMs, 0, 10_000);
            Assert.True(found.Began.AgeMs(caches.Now) <= stalenessMs);
        }

        private static byte[] BytesOf(int key) => [(byte)key];

        private CachedEntry EntryOf(ulong version) =>
            new()
            {
                Outcome = new() { Kind = OutcomeKind.Ok, Version = new(version, 1) },
                HasValue = true,
                Replica = new(1, 1, 1, "n1"),
                Served = new(ConsistencyLevel.Eventual, "n1", "", 0, CacheHit: false),
                ReadAfter = 0,
                Began = caches.Now,
            };
    }
}
