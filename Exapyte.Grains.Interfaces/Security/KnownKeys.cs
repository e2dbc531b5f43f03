using Exapyte.Topology;

namespace Exapyte.Security;

/// <summary>
/// The keys as this process knows them: what checks requests reads them here, so that checks go on while nobody else can be
/// asked. Goes only forward. Thread-safe.
/// </summary>
public sealed class KnownKeys
{
    private readonly Lock gate = new();
    private volatile KeyRing? current;

    /// <summary>The ring in force; null where none is known yet, which lets nobody in.</summary>
    public KeyRing? Current => current;

    /// <summary>Tells of each ring that was taken, in order.</summary>
    public News<KeyRing> Taken { get; } = new();

    /// <summary>Takes a ring; false where it is not newer than the one in force.</summary>
    public bool TryTake(KeyRing ring)
    {
        ArgumentNullException.ThrowIfNull(ring);
        lock (gate)
        {
            if (current is { } known && known.Epoch >= ring.Epoch)
            {
                return false;
            }
            current = ring;
            Taken.Tell(ring);
            return true;
        }
    }
}
