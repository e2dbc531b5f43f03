using Exapyte.Client.Routing;
using Exapyte.Keyspaces;
using Exapyte.Operations;

namespace Exapyte.Client.Retries;

/// <summary>A map to route by, or why there is none.</summary>
internal readonly record struct MapLookup(RoutedMap? Map, OperationOutcome? WhyNot);

/// <summary>Waits between tries: for a keyspace's first map, for a newer one, for a pause to pass.</summary>
internal sealed class MapResolver(MapCache maps, ExapyteClientOptions options, MonotonicClock clock)
{
    private static readonly OperationOutcome NoSuchKeyspace = OperationOutcome.Of(
        OutcomeKind.NoSuchKeyspace,
        "There is no such keyspace."
    );

    private static readonly OperationOutcome Unreachable = OperationOutcome.Of(
        OutcomeKind.Unavailable,
        "The keyspace's map could not be read in time; nothing changed."
    );

    /// <summary>The keyspace's map, loaded where it is not known yet.</summary>
    public ValueTask<MapLookup> FindAsync(string keyspace, long deadlineMs, CancellationToken cancellationToken) =>
        maps.Current(keyspace) is { } map
            ? new(new MapLookup(map, null))
            : LoadAsync(keyspace, deadlineMs, cancellationToken);

    /// <summary>Reloads where the step asks for it, pauses, and returns the map to go on by.</summary>
    public async ValueTask<MapLookup> GoOnAsync(
        RoutedMap map,
        NextStep step,
        int pauseMs,
        long deadlineMs,
        CancellationToken cancellationToken
    )
    {
        var keyspace = map.Map.Name;
        if (step == NextStep.Reload || maps.Current(keyspace) is null)
        {
            // A map that is known no more was forgotten because its keyspace is gone, as far as is known: to go on by it would
            // be to ask nobody until the deadline.
            var lookup = await maps.LoadAsync(keyspace, map.Map.Epoch, deadlineMs, cancellationToken)
                .ConfigureAwait(false);
            if (lookup == MapLoad.Absent)
            {
                return new MapLookup(null, NoSuchKeyspace);
            }
            if (maps.Current(keyspace) is { } newer && newer != map)
            {
                return new MapLookup(newer, null);
            }
        }
        else if (step == NextStep.RestartRound)
        {
            maps.LookForNewer(map);
        }
        if (pauseMs > 0)
        {
            await PauseAsync(pauseMs, deadlineMs, cancellationToken).ConfigureAwait(false);
        }
        return new MapLookup(maps.Current(keyspace) ?? map, null);
    }

    private async ValueTask<MapLookup> LoadAsync(string keyspace, long deadlineMs, CancellationToken cancellationToken)
    {
        if (!KeyspaceRules.IsName(keyspace))
        {
            return new MapLookup(null, NoSuchKeyspace);
        }
        var backoff = new Backoff(options);
        while (true)
        {
            var lookup = await maps.LoadAsync(keyspace, 0, deadlineMs, cancellationToken).ConfigureAwait(false);
            if (maps.Current(keyspace) is { } map)
            {
                return new MapLookup(map, null);
            }
            if (lookup == MapLoad.Absent)
            {
                return new MapLookup(null, NoSuchKeyspace);
            }
            if (clock.NowMs >= deadlineMs)
            {
                return new MapLookup(null, Unreachable);
            }
            await PauseAsync(backoff.NextMs(), deadlineMs, cancellationToken).ConfigureAwait(false);
        }
    }

    private Task PauseAsync(int pauseMs, long deadlineMs, CancellationToken cancellationToken)
    {
        var left = Math.Clamp(deadlineMs - clock.NowMs, 1, Math.Max(pauseMs, 1));
        return Task.Delay(TimeSpan.FromMilliseconds(left), clock.Time, cancellationToken);
    }
}
