namespace Exapyte.Grains.Replicas;

/// <summary>A replica cannot go on: an invariant is broken or its log has failed.</summary>
internal sealed class ReplicaFailedException(string message, bool isOfDisk = false, bool isOfDamage = false)
    : Exception(message)
{
    /// <summary>What the replica wrote cannot be read any more: it must be replaced.</summary>
    public bool IsOfDamage => isOfDamage;

    /// <summary>The disk takes nothing any more; what the replica had applied is as good as before.</summary>
    public bool IsOfDisk => isOfDisk;
}
