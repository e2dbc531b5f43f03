using System.Collections.Concurrent;

namespace Exapyte.Grains.Nodes;

/// <summary>
/// The activations by which this node's replicas are called. They are never collected for being idle, so that one whose replica
/// is retired has to be told to go. Thread-safe.
/// </summary>
internal sealed class ReplicaFaces
{
    private readonly ConcurrentDictionary<long, IGrainContext> faces = new();

    /// <summary>Activations there are.</summary>
    public int Count => faces.Count;

    /// <summary>An activation has begun.</summary>
    public void Add(long replicaId, IGrainContext face) => faces[replicaId] = face;

    /// <summary>An activation has ended.</summary>
    public void Remove(long replicaId, IGrainContext face) => faces.TryRemove(new(replicaId, face));

    /// <summary>The replica is retired: once its callers are answered its activation goes.</summary>
    public void Dismiss(long replicaId)
    {
        if (faces.TryRemove(replicaId, out var face))
        {
            face.Deactivate(new(DeactivationReasonCode.ApplicationRequested, "The replica is retired."));
        }
    }
}
