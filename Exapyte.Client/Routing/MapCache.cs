using System.Collections.Concurrent;
using Exapyte.Keyspaces;
using Exapyte.Topology;
using Exapyte.Wire;

namespace Exapyte.Client.Routing;

/// <summary>How a look-up of a keyspace's map ended.</summary>
internal enum MapLoad : byte
{
    /// <summary>There it is.</summary>
    Found,

    /// <summary>There is no such keyspace.</summary>
    Absent,

    /// <summary>Nobody could say in time.</summary>
    Unreachable,
}

/// <summary>
/// The current map of each keyspace that was used. Maps only go forward: a reply that carries a newer one replaces it, a
/// late older one is dropped. One load a name is in flight; that a name is absent is remembered for a moment. Thread-safe.
/// </summary>
internal sealed class MapCache(
    IGrainFactory grains,
    RouteBuilder builder,
    ExapyteClientOptions options,
    MonotonicClock clock
)
{
    private const int MapsMax = 16_384;
    private const int AbsentNamesMax = 1_024;
    private const int AbsentMs = 200;
    private const int LookMs = 1_000;

    private readonly ConcurrentDictionary<string, RoutedMap> maps = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> absentUntilMs = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Task<MapLoad>> loads = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>The map to route by now; null where it must be loaded first. The hot path: one look-up.</summary>
    public RoutedMap? Current(string keyspace) => maps.TryGetValue(keyspace, out var map) ? map : null;

    /// <summary>Some keyspace whose map is known; null where none is.</summary>
    public string? AnyName()
    {
        foreach (var (name, _) in maps)
        {
            return name;
        }
        return null;
    }

    /// <summary>
    /// Makes sure that the map is newer than <paramref name="newerThan"/> where there is such a map (0: any map). It may
    /// come back unchanged: then the replica that sent us here will be corrected, or the one that answers next.
    /// </summary>
    public async ValueTask<MapLoad> LoadAsync(
        string keyspace,
        long newerThan,
        long deadlineMs,
        CancellationToken cancellationToken
    )
    {
        if (Current(keyspace) is { } known && (newerThan == 0 || known.Map.Epoch > newerThan))
        {
            return MapLoad.Found;
        }
        if (absentUntilMs.TryGetValue(keyspace, out var until) && clock.NowMs < until)
        {
            return MapLoad.Absent;
        }
        var load = LoadOnce(keyspace, newerThan);
        var left = Math.Max(1, deadlineMs - clock.NowMs);
        try
        {
            return await load.WaitAsync(TimeSpan.FromMilliseconds(left), clock.Time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return MapLoad.Unreachable;
        }
    }

    /// <summary>Takes a map if it is newer than the known one.</summary>
    public void Offer(KeyspaceMap map)
    {
        if (map.Deleted || map.Shards.Length == 0)
        {
            Forget(map.Name, map.KeyspaceId);
            return;
        }
        if (Current(map.Name) is { } known && !known.IsOlderThan(map))
        {
            return;
        }
        lock (gate)
        {
            var before = Current(map.Name);
            if (before is not null && !before.IsOlderThan(map))
            {
                return;
            }
            if (before is null && maps.Count >= MapsMax)
            {
                Evict();
            }
            absentUntilMs.TryRemove(map.Name, out _);
            maps[map.Name] = builder.Build(map, before);
        }
    }

    /// <summary>
    /// No replica of some shard of the map answers: perhaps the shard is served by others now. Nobody waits for what is
    /// found, and it is not asked often, for without a majority of its nodes a shard is where it was.
    /// </summary>
    public void LookForNewer(RoutedMap map)
    {
        if (map.MayLook(clock.NowMs, LookMs) && Current(map.Map.Name) == map)
        {
            _ = LoadOnce(map.Map.Name, map.Map.Epoch);
        }
    }

    /// <summary>The node of this process serves by this map now; of keyspaces that nobody has asked for none is kept.</summary>
    public void HearOf(KeyspaceMap map)
    {
        if (Current(map.Name) is not null)
        {
            Offer(map);
        }
    }

    /// <summary>Another replica leads a shard now: what is sent from now on goes there first.</summary>
    public void HearOf(LeaderChange change)
    {
        if (
            Current(change.Keyspace) is { } known
            && Array.Find(known.Routes, route => route.Placement.ShardId == change.ShardId) is { } route
            && route.IndexOf(change.LeaderReplicaId) is >= 0 and var lane
        )
        {
            route.LeaderHasBecome(lane);
        }
    }

    /// <summary>The keyspace with this id, or an earlier one of that name, is no more.</summary>
    public void Forget(string keyspace, long keyspaceId)
    {
        lock (gate)
        {
            if (Current(keyspace) is { } known && known.Map.KeyspaceId <= keyspaceId)
            {
                maps.TryRemove(keyspace, out _);
                builder.Drop(known);
            }
        }
    }

    private Task<MapLoad> LoadOnce(string keyspace, long newerThan)
    {
        lock (gate)
        {
            if (loads.TryGetValue(keyspace, out var running))
            {
                return running;
            }
            // On the pool: a load is shared and must not be a part of the grain that asked first.
            var load = Task.Run(() => LoadAsync(keyspace, newerThan));
            loads.Add(keyspace, load);
            return load;
        }
    }

    private async Task<MapLoad> LoadAsync(string keyspace, long newerThan)
    {
        var before = Current(keyspace);
        try
        {
            var map = await grains
                .GetGrain<IMapGrain>(0)
                .Find(keyspace, newerThan)
                .AsTask()
                .WaitAsync(options.AttemptTimeout, clock.Time);
            if (map is not null && !map.Deleted)
            {
                Offer(map);
            }
            else
            {
                Forget(keyspace, before?.Map.KeyspaceId ?? 0);
                RememberAbsent(keyspace);
            }
            return Current(keyspace) is null ? MapLoad.Absent : MapLoad.Found;
        }
        catch (Exception)
        {
            return MapLoad.Unreachable;
        }
        finally
        {
            lock (gate)
            {
                loads.Remove(keyspace);
            }
        }
    }

    private void RememberAbsent(string keyspace)
    {
        if (absentUntilMs.Count >= AbsentNamesMax)
        {
            absentUntilMs.Clear();
        }
        absentUntilMs[keyspace] = clock.NowMs + AbsentMs;
    }

    private void Evict()
    {
        foreach (var (name, map) in maps)
        {
            if (maps.TryRemove(name, out _))
            {
                builder.Drop(map);
                return;
            }
        }
    }
}
