using System.Runtime.InteropServices;

namespace Exapyte.Simulation.Invariants;

/// <summary>
/// When which revision of a key was current, by the index of the log: what a read without proof may see. Keys whose entries
/// expire are left out, because when a reader sees them go depends on its clock.
/// </summary>
internal sealed class KeyTimelines
{
    /// <summary>From this index on a key had this revision; 0: none.</summary>
    private readonly record struct Since(ulong Index, ulong Revision);

    private readonly Dictionary<string, List<Since>> timelines = new(StringComparer.Ordinal);

    public static bool Covers(string key) => key[0] == 'k';

    /// <summary>An entry was committed, behind which a key has this revision; 0: none.</summary>
    public void Saw(ulong index, string key, ulong revision)
    {
        if (!Covers(key))
        {
            return;
        }
        ref var timeline = ref CollectionsMarshal.GetValueRefOrAddDefault(timelines, key, out _);
        timeline ??= [new(0, 0)];
        if (timeline[^1].Revision != revision)
        {
            timeline.Add(new(index, revision));
        }
    }

    /// <summary>The first index, not before the given one, at which the key had the revision; null if there is none.</summary>
    public ulong? FindMoment(string key, ulong revision, ulong notBefore)
    {
        if (!timelines.TryGetValue(key, out var timeline))
        {
            return revision == 0 ? notBefore : null;
        }
        for (var i = FirstOver(timeline, notBefore); i < timeline.Count; i++)
        {
            if (timeline[i].Revision == revision)
            {
                return Math.Max(timeline[i].Index, notBefore);
            }
        }
        return null;
    }

    /// <summary>The place of the revision that was current at an index.</summary>
    private static int FirstOver(List<Since> timeline, ulong index)
    {
        int low = 0,
            high = timeline.Count - 1;
        while (low < high)
        {
            var middle = (low + high + 1) / 2;
            if (timeline[middle].Index <= index)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }
        return low;
    }
}
