using System.Text;
using Exapyte.Client.Caching;
using Exapyte.Keyspaces;
using Exapyte.Operations;
using Microsoft.Extensions.Time.Testing;

namespace Exapyte.Client.Tests.Caching;

public sealed class EntryCacheTests : IDisposable
{
    private const long Shard = 7;
    private static readonly byte[] Key = "k"u8.ToArray();

    private readonly FakeTimeProvider time = new();
    private readonly ClientMeter meter = new(null);
    private readonly EntryCaches caches;
    private readonly EntryCache cache;

    public EntryCacheTests()
    {
        caches = new(new() { CacheBytesMax = 1 << 20 }, new(time), meter);
        cache = Open();
    }

    public void Dispose() => meter.Dispose();

    [Fact]
    public void What_was_read_is_found_again_until_its_lifetime_in_the_cache_is_over()
    {
        Fill(5);
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Equal("5", Find(ReadProof.None));

        time.Advance(TimeSpan.FromSeconds(0.1));
        Assert.Null(Find(ReadProof.None));
    }

    [Fact]
    public void An_entry_is_not_found_once_it_has_ended_itself()
    {
        Fill(5, expiresMs: NowMs + 2_000);
        time.Advance(TimeSpan.FromSeconds(1.999));
        Assert.Equal("5", Find(ReadProof.None));

        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Null(Find(ReadProof.None));
    }

    [Fact]
    public void A_bounded_read_finds_only_what_is_known_to_be_as_young_as_it_asks_and_hears_how_old_it_may_be()
    {
        Fill(5, stalenessMs: 300);
        time.Advance(TimeSpan.FromMilliseconds(200));

        Assert.Null(Find(ReadProof.Bounded, maxStalenessMs: 500));
        Assert.Equal("5", Find(ReadProof.Bounded, maxStalenessMs: 501, isAge: 501));
        Assert.Equal("5", Find(ReadProof.None, isAge: 501));

        Fill(6, stalenessMs: -1);
        Assert.Null(Find(ReadProof.Bounded, maxStalenessMs: 5_000));
        Assert.Equal("6", Find(ReadProof.None, isAge: -1));
    }

    [Fact]
    public void A_session_finds_only_what_has_come_as_far_as_it_has_seen()
    {
        Fill(5, readAfter: 8);
        var session = new ClientSession();
        Assert.Equal("5", Find(ReadProof.Session, session: session));
        session.Saw(1, Shard, new(0, 8));
        session.Saw(1, Shard + 1, new(0, 99));
        Assert.Equal("5", Find(ReadProof.Session, session: session));

        session.Saw(1, Shard, new(0, 9));
        Assert.Null(Find(ReadProof.Session, session: session));
        Assert.Equal("5", Find(ReadProof.Session));
    }

    [Fact]
    public void A_leaderless_session_finds_only_what_bears_all_stamps_that_it_has_seen_and_of_which_it_is_known_who_holds_it()
    {
        var leaderless = Open(ReplicationKind.Quorum);
        var session = new ClientSession();
        session.Saw(2, Shard, new(3, 5));
        leaderless.Fill(Key, Entry(5), leaderless.Begin());
        Assert.Null(Find(ReadProof.Session, session: session, from: leaderless));
        Assert.Equal("5", Find(ReadProof.Session, from: leaderless));

        leaderless.Fill(Key, Entry(5, acknowledged: 1), leaderless.Begin());
        Assert.Equal("5", Find(ReadProof.Session, session: session, from: leaderless));

        session.Saw(2, Shard, new(4, 6));
        Assert.Null(Find(ReadProof.Session, session: session, from: leaderless));
    }

    [Fact]
    public void Word_of_a_later_version_drops_what_is_kept_and_keeps_an_earlier_one_out()
    {
        Fill(5);
        cache.Invalidate(Key, Version(6));
        Assert.Null(Find(ReadProof.None));

        Fill(5);
        Assert.Null(Find(ReadProof.None));
        Fill(6);
        Assert.Equal("6", Find(ReadProof.None));
        Fill(5);
        Assert.Equal("6", Find(ReadProof.None));
        cache.Invalidate(Key, Version(4));
        cache.Invalidate(Key, Version(6));
        Assert.Equal("6", Find(ReadProof.None));
    }

    [Fact]
    public void An_earlier_version_that_comes_late_does_not_take_the_place_of_a_later_one()
    {
        Fill(6);
        Fill(5);

        Assert.Equal("6", Find(ReadProof.None));
    }

    [Fact]
    public void A_read_that_was_under_way_when_nobody_knew_the_new_version_is_not_kept()
    {
        Fill(5);
        var begun = cache.Begin();
        cache.Forget(Key);
        Assert.Null(Find(ReadProof.None));

        cache.Fill(Key, Entry(5), begun);
        Assert.Null(Find(ReadProof.None));
        Fill(5);
        Assert.Equal("5", Find(ReadProof.None));
    }

    [Fact]
    public void A_read_that_was_under_way_is_not_kept_where_what_was_heard_meanwhile_had_to_be_forgotten()
    {
        var begun = cache.Begin();
        cache.Invalidate(Key, Version(6));
        for (var other = 0; other < 20_000; other++)
        {
            cache.Invalidate(Encoding.UTF8.GetBytes($"other{other}"), Version(6));
        }

        cache.Fill(Key, Entry(5), begun);

        Assert.Null(Find(ReadProof.None));
    }

    [Fact]
    public void What_one_shard_answered_is_not_found_once_the_key_is_anothers_and_its_versions_go_on()
    {
        Fill(5);
        cache.Invalidate(Key, Version(6));
        cache.Fill(Key, Entry(5, shard: Shard + 1), cache.Begin());
        Assert.Null(Find(ReadProof.None, shard: Shard + 1));

        cache.Fill(Key, Entry(7, shard: Shard + 1), cache.Begin());
        Assert.Null(Find(ReadProof.None));
        Assert.Equal("7", Find(ReadProof.None, shard: Shard + 1));
    }

    [Fact]
    public void All_of_a_shard_goes_when_its_state_was_replaced_and_with_it_what_was_being_read()
    {
        Fill(5);
        cache.Fill("other"u8.ToArray(), Entry(5, shard: Shard + 1), cache.Begin());
        var begun = cache.Begin();
        cache.ForgetShard(Shard);
        cache.Fill(Key, Entry(5), begun);

        Assert.Null(Find(ReadProof.None));
        Assert.Equal("5", Find(ReadProof.None, key: "other"u8.ToArray(), shard: Shard + 1));
    }

    [Fact]
    public void A_head_is_answered_by_a_get_and_no_get_by_a_head_but_one_version_keeps_its_value()
    {
        cache.Fill(Key, Entry(5) with { HasValue = false }, cache.Begin());
        Assert.NotNull(Find(ReadProof.None, kind: OperationKind.Head));
        Assert.Null(Find(ReadProof.None));

        Fill(5);
        cache.Fill(Key, Entry(5) with { HasValue = false }, cache.Begin());
        Assert.Equal("5", Find(ReadProof.None));
    }

    [Fact]
    public void Neither_more_entries_nor_more_bytes_are_kept_than_there_is_room_for()
    {
        for (var at = 0; at < 100; at++)
        {
            cache.Fill(Encoding.UTF8.GetBytes($"k{at}"), Entry(5), cache.Begin());
        }
        Assert.InRange(
            Enumerable.Range(0, 100).Count(at => Find(ReadProof.None, Encoding.UTF8.GetBytes($"k{at}")) is not null),
            1,
            16
        );

        var large = new byte[300 << 10];
        for (var at = 0; at < 10; at++)
        {
            var entry = Entry(5);
            var outcome = new OperationOutcome
            {
                Kind = OutcomeKind.Ok,
                Version = Stamp(5),
                Value = large,
            };
            cache.Fill(Encoding.UTF8.GetBytes($"large{at}"), entry with { Outcome = outcome }, cache.Begin());
            Assert.InRange(caches.Bytes, 1, caches.BytesMax);
        }
        caches.Remove(1);
        Assert.Equal(0, caches.Bytes);
    }

    [Fact]
    public void Of_several_caches_the_one_that_takes_most_makes_room_and_what_was_heard_takes_room_too()
    {
        var other = Open(ReplicationKind.Quorum);
        var large = Entry(5) with
        {
            Outcome = new()
            {
                Kind = OutcomeKind.Ok,
                Version = Stamp(5),
                Value = new byte[250 << 10],
            },
        };
        for (var at = 0; at < 4; at++)
        {
            cache.Fill(new[] { (byte)at }, large, cache.Begin());
        }
        other.Fill(Key, large, other.Begin());
        Assert.NotNull(Find(ReadProof.None, from: other));
        Assert.InRange(caches.Bytes, 1, caches.BytesMax);

        var many = caches.Of(
            MapOf(ReplicationKind.Raft, 3) with
            {
                Settings = new() { Cache = new() { EntriesMax = 1_000_000 } },
            }
        )!;
        for (var at = 0; at < 10_000; at++)
        {
            many.Invalidate(BitConverter.GetBytes(at), Version(6));
        }
        Assert.InRange(caches.Bytes, 1, caches.BytesMax);
        Assert.Equal(caches.Bytes, cache.Bytes + other.Bytes + many.Bytes);
        caches.Remove(1);
        caches.Remove(2);
        caches.Remove(3);
        Assert.Equal(0, caches.Bytes);
    }

    [Fact]
    public void Another_life_of_the_name_and_other_settings_begin_with_nothing()
    {
        Fill(5);
        Assert.Same(cache, Open());
        var other = caches.Of(
            MapOf(ReplicationKind.Raft, 1) with
            {
                Settings = new() { Cache = new() { EntriesMax = 9 } },
            }
        );

        Assert.NotSame(cache, other);
        Assert.Null(Find(ReadProof.None, from: other));
        Fill(5);
        Assert.Null(Find(ReadProof.None));
        Assert.Equal(0, caches.Bytes);
        Assert.Null(caches.Of(MapOf(ReplicationKind.Raft, 1) with { Settings = new() }));
        Assert.Null(caches.Find(1));
    }

    private long NowMs => time.GetUtcNow().ToUnixTimeMilliseconds();

    private EntryCache Open(ReplicationKind replication = ReplicationKind.Raft) =>
        caches.Of(MapOf(replication, replication == ReplicationKind.Raft ? 1 : 2))!;

    private static KeyspaceMap MapOf(ReplicationKind replication, long id) =>
        new()
        {
            Name = "k",
            KeyspaceId = id,
            Epoch = 1,
            Settings = new()
            {
                Replication = replication,
                Cache = new() { EntriesMax = 16, TtlSeconds = 10 },
            },
            Shards = [],
        };

    private static VersionStamp Stamp(ulong revision) => new(revision, 1);

    private static VersionStamp Version(ulong revision) => Stamp(revision);

    private void Fill(ulong revision, long stalenessMs = 0, ulong readAfter = 0, long expiresMs = 0) =>
        cache.Fill(Key, Entry(revision, stalenessMs, readAfter, expiresMs), cache.Begin());

    private CachedEntry Entry(
        ulong revision,
        long stalenessMs = 0,
        ulong readAfter = 0,
        long expiresMs = 0,
        long shard = Shard,
        int acknowledged = 0
    ) =>
        new()
        {
            Outcome = new()
            {
                Kind = OutcomeKind.Ok,
                Version = Stamp(revision),
                Value = Encoding.UTF8.GetBytes($"{revision}"),
                ExpiresMs = expiresMs,
                Acknowledged = acknowledged,
            },
            HasValue = true,
            Replica = new(1, shard, 3, "n1"),
            Served = new(ConsistencyLevel.Eventual, "n1", "", stalenessMs, CacheHit: false),
            ReadAfter = readAfter,
            Began = caches.Now,
        };

    private string? Find(
        ReadProof proof,
        byte[]? key = null,
        long maxStalenessMs = 0,
        long? isAge = null,
        ClientSession? session = null,
        EntryCache? from = null,
        long shard = Shard,
        OperationKind kind = OperationKind.Get
    )
    {
        var operation = new Operation
        {
            Kind = kind,
            Key = key ?? Key,
            MaxStalenessMs = maxStalenessMs,
        };
        var found = (from ?? cache).Find(operation, proof, shard, session, out var stalenessMs);
        if (isAge is { } age)
        {
            Assert.Equal(age, stalenessMs);
        }
        return found is null ? null : Encoding.UTF8.GetString(found.Outcome.Value.Span);
    }
}
