using Exapyte.Operations;

namespace Exapyte.Client.Caching;

/// <summary>
/// What is known of some of a cache's keys: of each the version below which all is too old, for as many of them as there is room
/// for, the latest. Its owner locks it.
/// </summary>
/// <param name="floorsMax">Most floors, 1 or more.</param>
internal sealed class KeyFloors(int floorsMax)
{
    /// <summary>What a floor takes beside its key, in bytes, roughly.</summary>
    private const int FloorBytes = 256;

    private readonly Dictionary<KeyBytes, Floor> floors = [];

    /// <summary>Keys in the order in which their floors were set; one that was set again stands in it again.</summary>
    private readonly Queue<(KeyBytes Key, long SetAt)> order = new();

    /// <summary>Of the floors that are not kept any more, the latest was set at this number.</summary>
    private long forgottenThrough;

    /// <param name="Version">Earlier versions are too old.</param>
    /// <param name="SetAt">The number of the change that set it.</param>
    /// <param name="NothingBefore">Nothing counts that began to be read before this number.</param>
    private readonly record struct Floor(VersionStamp Version, long SetAt, long NothingBefore);

    public Lock Gate { get; } = new();

    public int Count => floors.Count;

    /// <summary>Bytes that they take, roughly.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether a version is not too old, as far as a read can tell that began at a number.</summary>
    public bool Admits(KeyBytes key, VersionStamp version, long begun) =>
        forgottenThrough <= begun
        && (!floors.TryGetValue(key, out var floor) || (floor.NothingBefore <= begun && version >= floor.Version));

    /// <summary>The key has this version, or a later one.</summary>
    public void Raise(KeyBytes key, VersionStamp version, long number)
    {
        floors.TryGetValue(key, out var before);
        Set(key, new(before.Version > version ? before.Version : version, number, before.NothingBefore));
    }

    /// <summary>Nobody knows which version the key has: no read counts that has begun.</summary>
    public void Bar(KeyBytes key, long number)
    {
        floors.TryGetValue(key, out var before);
        Set(key, new(before.Version, number, number));
    }

    /// <summary>No read of any key counts that has begun.</summary>
    public void BarAll(long number) => forgottenThrough = Math.Max(forgottenThrough, number);

    /// <summary>Forgets the oldest.</summary>
    public void Forget(int count)
    {
        while (count > 0 && order.TryDequeue(out var oldest))
        {
            if (floors.TryGetValue(oldest.Key, out var floor) && floor.SetAt == oldest.SetAt)
            {
                floors.Remove(oldest.Key);
                Bytes -= FloorBytes + oldest.Key.Length;
                forgottenThrough = Math.Max(forgottenThrough, oldest.SetAt);
                count--;
            }
        }
    }

    private void Set(KeyBytes key, Floor floor)
    {
        if (!floors.ContainsKey(key))
        {
            Bytes += FloorBytes + key.Length;
        }
        floors[key] = floor;
        order.Enqueue((key, floor.SetAt));
        Forget(floors.Count - floorsMax);
        while (order.Count > 2 * floorsMax && order.TryPeek(out var first))
        {
            if (floors[first.Key].SetAt == first.SetAt)
            {
                Forget(1);
            }
            else
            {
                order.Dequeue();
            }
        }
    }
}
