using System.Collections.Concurrent;
using Exapyte.Grains.Replicas;
using Exapyte.Grains.Replicas.Commands;

namespace Exapyte.Grains.Nodes;

/// <summary>A replica that a split has made: its state is in the store, but nothing of it is in the log yet.</summary>
/// <param name="Identity">Who it is.</param>
/// <param name="Split">What made it.</param>
internal sealed record ShardBirth(ReplicaIdentity Identity, SplitCommand Split);

/// <summary>
/// Replicas that splits have made until they are started. Their prefixes are in use from the moment on at which the split was
/// applied. Thread-safe.
/// </summary>
internal sealed class ShardBirths
{
    private readonly ConcurrentDictionary<long, ShardBirth> waiting = new();

    /// <summary>
    /// Called when a replica has been split, or has come past a split by a snapshot, so that the one beside it is to be made. On
    /// the thread of that replica: it must be quick.
    /// </summary>
    public Action? WhenPassed { get; set; }

    /// <summary>Whether maps may name replicas that can be made now.</summary>
    public bool HasPassed { get; private set; }

    /// <summary>Those that are not started yet.</summary>
    public ICollection<ShardBirth> Waiting => waiting.Values;

    /// <summary>A split was applied here; null where the replica that was split had no part in it.</summary>
    /// <param name="parent">The replica that was split.</param>
    /// <param name="split">The split.</param>
    /// <param name="storePrefix">Where the state of both is.</param>
    public static ShardBirth? Of(ReplicaIdentity parent, SplitCommand split, ulong storePrefix)
    {
        var at = Array.FindIndex(split.Members, member => member.Parent.Value == (ulong)parent.ReplicaId);
        if (at < 0)
        {
            return null;
        }
        var child = (long)split.Members[at].Child.Value;
        return new(parent.Beside((long)split.ChildShard, child, storePrefix, split.MapEpoch), split);
    }

    /// <summary>One is to be started.</summary>
    public void Add(ShardBirth birth)
    {
        waiting[birth.Identity.ReplicaId] = birth;
        WhenPassed?.Invoke();
    }

    /// <summary>A replica has installed a snapshot, by which it may have come past a split.</summary>
    public void Passed()
    {
        HasPassed = true;
        WhenPassed?.Invoke();
    }

    /// <summary>What could be made is made.</summary>
    public void Looked() => HasPassed = false;

    /// <summary>It is started, or not wanted any more.</summary>
    public void Done(ShardBirth birth) => waiting.TryRemove(birth.Identity.ReplicaId, out _);
}
