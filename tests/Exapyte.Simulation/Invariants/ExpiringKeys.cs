using System.Runtime.InteropServices;
using Exapyte.Operations;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// Entries that expire, by the index of the log: what was written at which, and until when it lives. An entry that has ended at
/// the stamp of an index is not seen in that state nor in a later one, and none is missing before its end.
/// </summary>
internal sealed class ExpiringKeys
{
    private readonly record struct Since(ulong Index, ulong Revision, long ExpiresMs);

    private readonly Dictionary<string, List<Since>> timelines = new(StringComparer.Ordinal);

    public static bool Covers(string key) => key[0] == 'x';

    /// <summary>An entry of the log was committed, behind which a key has this revision (0: none), which ends then.</summary>
    public void Saw(ulong index, string key, ulong revision, long expiresMs)
    {
        if (!Covers(key))
        {
            return;
        }
        ref var timeline = ref CollectionsMarshal.GetValueRefOrAddDefault(timelines, key, out _);
        timeline ??= [];
        if (timeline.Count == 0 || timeline[^1].Revision != revision)
        {
            timeline.Add(new(index, revision, expiresMs));
        }
    }

    /// <summary>A read was answered from the state at an index.</summary>
    /// <param name="key">Of which key.</param>
    /// <param name="index">The last index that the state holds.</param>
    /// <param name="stampMs">The stamp of that state: nothing else ends an entry.</param>
    /// <param name="toldMs">A time that the log was to be told before, and by which nothing may be shown that has ended; 0: none.</param>
    /// <param name="outcome">The answer.</param>
    public void Require(string key, ulong index, long stampMs, long toldMs, OperationOutcome outcome)
    {
        var current = At(key, index);
        if (outcome.Kind == OutcomeKind.Ok)
        {
            History.Require(
                current.Revision == outcome.Version.Revision && current.ExpiresMs == outcome.ExpiresMs,
                "expiring-read",
                $"{key} at {index} is revision {current.Revision} until {current.ExpiresMs}, not "
                    + $"{outcome.Version.Revision} until {outcome.ExpiresMs}"
            );
            History.Require(
                current.ExpiresMs > Math.Max(stampMs, toldMs),
                "expired-seen",
                $"{key} of revision {current.Revision} ended at {current.ExpiresMs} and is shown at {index}, at {stampMs}, "
                    + $"to who asked at {toldMs}"
            );
            return;
        }
        History.Require(
            current.Revision == 0 || current.ExpiresMs <= stampMs,
            "vanished-early",
            $"{key} of revision {current.Revision} lives until {current.ExpiresMs} and is missing at {index}, at {stampMs}"
        );
    }

    private Since At(string key, ulong index)
    {
        if (timelines.TryGetValue(key, out var timeline))
        {
            for (var i = timeline.Count - 1; i >= 0; i--)
            {
                if (timeline[i].Index <= index)
                {
                    return timeline[i];
                }
            }
        }
        return default;
    }
}
