using BitFaster.Caching.Lru;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Caching;

/// <summary>
/// What this process keeps of one keyspace's entries. An entry comes by a read and goes when word comes that its key has changed,
/// when a newer one is met, when its time is up, or when there is no room. Thread-safe.
/// </summary>
/// <remarks>
/// Invariant: once this process has been told that a key has a version (by its own write's outcome, by a replica, by another node)
/// no earlier one is served. That is the key's floor (<see cref="KeyFloors"/>), kept for as long as there is room for it. A fill that was under
/// way is measured by it; where a floor had to go that was set after the fill began, the fill is dropped, whatever it brings.
/// Absent entries are not kept: they have no version, so that nobody could tell an old one from a new one.
/// </remarks>
internal sealed class EntryCache
{
    /// <summary>The least that the package's queues can be made for.</summary>
    private const int CapacityMin = 3;
    private const int StripesMax = 64;
    private const int FloorsMin = 16;
    private const int ShrinkPart = 16;

    /// <summary>What an entry takes beside its key and value, in bytes, roughly.</summary>
    private const int EntryBytes = 512;

    private readonly EntryCaches owner;
    private readonly ConcurrentLru<KeyBytes, CachedEntry> entries;
    private readonly KeyFloors[] stripes;
    private readonly long ttlMs;
    private long sequence;

    private long bytes;
    private volatile bool isRetired;

    public EntryCache(EntryCaches owner, KeyspaceMap map, KeyspaceCache settings)
    {
        this.owner = owner;
        KeyspaceId = map.KeyspaceId;
        IsLeaderless = map.IsLeaderless;
        Settings = settings;
        ttlMs = settings.TtlSeconds * 1_000L;
        var capacity = Math.Max(CapacityMin, settings.EntriesMax);
        entries = new(Environment.ProcessorCount, capacity, EqualityComparer<KeyBytes>.Default);
        var floorsMax = Math.Max(FloorsMin, capacity / StripesMax);
        stripes = [.. Enumerable.Range(0, StripesMax).Select(_ => new KeyFloors(floorsMax))];
        entries.Events.Value!.ItemRemoved += (_, removed) => AddBytes(-BytesOf(removed.Key, removed.Value!));
    }

    public long KeyspaceId { get; }

    public bool IsLeaderless { get; }

    public KeyspaceCache Settings { get; }

    /// <summary>Bytes that it takes, roughly.</summary>
    public long Bytes => Volatile.Read(ref bytes);

    /// <summary>Reads that are under way for all who ask for their key.</summary>
    public FillsUnderWay Fills { get; } = new();

    /// <summary>The entry, where it may answer the read; null where the shard is to be asked.</summary>
    /// <param name="operation">The read.</param>
    /// <param name="proof">What its level asks of the state.</param>
    /// <param name="shardId">The key's shard by the map.</param>
    /// <param name="session">The caller's session, where the level goes by it.</param>
    /// <param name="stalenessMs">Greatest possible age of the state, in milliseconds; -1 where unknown.</param>
    public CachedEntry? Find(
        Operation operation,
        ReadProof proof,
        long shardId,
        ClientSession? session,
        out long stalenessMs
    )
    {
        stalenessMs = -1;
        if (!entries.TryGet(new(operation.Key), out var entry) || entry.Replica.ShardId != shardId)
        {
            return null;
        }
        var now = owner.Now;
        var ageMs = entry.Began.AgeMs(now);
        var outcome = entry.Outcome;
        if (
            ageMs > ttlMs
            || (outcome.ExpiresMs > 0 && outcome.ExpiresMs <= now.ClockMs)
            || (operation.Kind == OperationKind.Get && !entry.HasValue)
        )
        {
            return null;
        }
        stalenessMs = entry.Served.StalenessMs < 0 ? -1 : entry.Served.StalenessMs + ageMs;
        return Meets(entry, operation, proof, session, stalenessMs) ? entry : null;
    }

    /// <summary>A read of the key begins, whose answer may be kept: hand this to <see cref="Fill"/>.</summary>
    public long Begin() => Volatile.Read(ref sequence);

    /// <summary>Keeps what a read was answered, unless something newer is known.</summary>
    /// <param name="key">The key.</param>
    /// <param name="entry">The answer.</param>
    /// <param name="begun">What <see cref="Begin"/> said before the read.</param>
    public void Fill(ReadOnlyMemory<byte> key, CachedEntry entry, long begun)
    {
        var at = new KeyBytes(key.ToArray());
        if (BytesOf(at, entry) > owner.BytesMax || isRetired)
        {
            return;
        }
        var floors = StripeOf(at);
        lock (floors.Gate)
        {
            if (!floors.Admits(at, entry.Version, begun))
            {
                return;
            }
            if (entries.TryGet(at, out var known))
            {
                if (entry.Version < known.Version)
                {
                    return;
                }
                if (known.Version < entry.Version)
                {
                    owner.Meter.CacheHealed();
                }
                else if (!entry.HasValue && known.HasValue)
                {
                    // One version is one content.
                    entry = entry with
                    {
                        Outcome = known.Outcome,
                        HasValue = true,
                    };
                }
                entries.TryRemove(at);
            }
            AddBytes(BytesOf(at, entry));
            entries.AddOrUpdate(at, entry);
        }
        owner.Meter.CacheFilled();
        EndChange();
    }

    /// <summary>The key has this version, or a later one.</summary>
    public void Invalidate(ReadOnlyMemory<byte> key, VersionStamp version)
    {
        var at = new KeyBytes(key.ToArray());
        var floors = StripeOf(at);
        lock (floors.Gate)
        {
            var before = floors.Bytes;
            floors.Raise(at, version, Interlocked.Increment(ref sequence));
            AddBytes(floors.Bytes - before);
            if (entries.TryGet(at, out var known) && known.Version < version)
            {
                Remove(at);
            }
        }
        EndChange();
    }

    /// <summary>The key may have another version, nobody knows which: what is kept is dropped, and what is being read too.</summary>
    public void Forget(ReadOnlyMemory<byte> key)
    {
        var at = new KeyBytes(key.ToArray());
        var floors = StripeOf(at);
        lock (floors.Gate)
        {
            var before = floors.Bytes;
            floors.Bar(at, Interlocked.Increment(ref sequence));
            AddBytes(floors.Bytes - before);
            Remove(at);
        }
        EndChange();
    }

    /// <summary>Any entry of the shard may have changed.</summary>
    public void ForgetShard(long shardId)
    {
        var number = Interlocked.Increment(ref sequence);
        foreach (var floors in stripes)
        {
            lock (floors.Gate)
            {
                floors.BarAll(number);
            }
        }
        foreach (var (key, entry) in entries)
        {
            if (entry.Replica.ShardId == shardId)
            {
                Remove(key);
            }
        }
    }

    /// <summary>A read that was not answered from here found this version: what is kept of an earlier one is too old.</summary>
    public void Saw(ReadOnlyMemory<byte> key, VersionStamp version)
    {
        if (entries.TryGet(new(key), out var known) && known.Version < version)
        {
            owner.Meter.CacheHealed();
            Invalidate(key, version);
        }
    }

    /// <summary>A read that must see the newest found no entry: what is kept is too old.</summary>
    public void SawNothing(ReadOnlyMemory<byte> key)
    {
        if (entries.TryGet(new(key), out _))
        {
            owner.Meter.CacheHealed();
            Forget(key);
        }
    }

    /// <summary>Lets go of a part of what it keeps, the least used entries or the oldest floors; false where there is nothing.</summary>
    public bool Shrink()
    {
        var kept = entries.Count;
        if (kept > 0 && kept >= stripes.Sum(floors => floors.Count))
        {
            entries.Policy.Eviction.Value!.Trim(Math.Max(1, kept / ShrinkPart));
            return true;
        }
        return ForgetFloors(floors => (floors.Count + ShrinkPart - 1) / ShrinkPart);
    }

    /// <summary>Its keyspace is gone, or has other settings: nothing is kept here any more.</summary>
    public void Retire()
    {
        isRetired = true;
        entries.Clear();
        ForgetFloors(floors => floors.Count);
    }

    private bool ForgetFloors(Func<KeyFloors, int> countOf)
    {
        var freed = 0L;
        foreach (var floors in stripes)
        {
            lock (floors.Gate)
            {
                var before = floors.Bytes;
                floors.Forget(countOf(floors));
                freed += before - floors.Bytes;
            }
        }
        AddBytes(-freed);
        return freed > 0;
    }

    private bool Meets(
        CachedEntry entry,
        Operation operation,
        ReadProof proof,
        ClientSession? session,
        long stalenessMs
    ) =>
        proof switch
        {
            ReadProof.None => true,
            ReadProof.Bounded => stalenessMs >= 0 && stalenessMs <= operation.MaxStalenessMs,
            // What a session sees of a leaderless shard it must be able to find again: by whom it is held.
            ReadProof.Session => session is null
                || (
                    (!IsLeaderless || entry.Outcome.Acknowledged > 0)
                    && entry.Holds(session.SeenOf(KeyspaceId, entry.Replica.ShardId), IsLeaderless)
                ),
            ReadProof.Fresh => false,
            _ => throw new InvalidOperationException($"{proof} is no proof."),
        };

    private KeyFloors StripeOf(KeyBytes key) => stripes[(uint)key.GetHashCode() % StripesMax];

    private void Remove(KeyBytes key)
    {
        if (entries.TryRemove(key))
        {
            owner.Meter.CacheInvalidated();
        }
    }

    private static long BytesOf(KeyBytes key, CachedEntry entry) =>
        EntryBytes + key.Length + entry.Outcome.Value.Length;

    private void AddBytes(long count)
    {
        Interlocked.Add(ref bytes, count);
        owner.AddBytes(count);
    }

    /// <summary>What came is in: others, or what came before, make room for it. Where nothing is kept any more it goes, too.</summary>
    private void EndChange()
    {
        owner.MakeRoom();
        if (isRetired)
        {
            Retire();
        }
    }
}
