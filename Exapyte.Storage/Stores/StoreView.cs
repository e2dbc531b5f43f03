namespace Exapyte.Storage.Stores;

/// <summary>
/// Which rows of a node's store are a shard replica's state: a view of a prefix. Several views may share a prefix, as after a
/// split, which moves nothing: entries are in the prefix, each view sees those inside its bounds; metadata and all that is
/// derived from entries stand under the view's shard id.
/// </summary>
/// <param name="Prefix">Where in the store, from 1; node-local, never used twice.</param>
/// <param name="Shard">Whose metadata.</param>
/// <param name="Bounds">Which keys.</param>
public readonly record struct StoreView(ulong Prefix, ulong Shard, KeyRange Bounds)
{
    /// <summary>A view of all keys of a prefix.</summary>
    public static StoreView Whole(ulong prefix, ulong shard) => new(prefix, shard, KeyRange.All);
}
