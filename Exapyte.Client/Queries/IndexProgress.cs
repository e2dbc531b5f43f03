using Exapyte.Topology;

namespace Exapyte.Client.Queries;

/// <summary>How an index of a keyspace stands, over all its shards.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Paths">What it is over.</param>
/// <param name="State">Ready where it is on every shard; else what becomes of it.</param>
/// <param name="ReadyShards">Shards on which it is ready.</param>
/// <param name="Shards">All shards.</param>
/// <param name="Entries">Entries that were looked at while it was built, as far as that is known.</param>
public sealed record IndexProgress(
    string Name,
    IReadOnlyList<string> Paths,
    IndexState State,
    int ReadyShards,
    int Shards,
    long Entries
)
{
    /// <summary>Whether the index is ready on every shard, as its leader says.</summary>
    public static bool IsReady(string name, IReadOnlyList<ShardStatus> shards)
    {
        ArgumentNullException.ThrowIfNull(shards);
        return shards.All(shard => StatusOf(shard).Any(index => index.Name == name && index.State == IndexState.Ready));
    }

    /// <summary>All indexes that are wanted, and those that are on their way out.</summary>
    /// <param name="wanted">What the settings name.</param>
    /// <param name="shards">The shards as they stand.</param>
    public static IReadOnlyList<IndexProgress> Of(
        IReadOnlyList<(string Name, IReadOnlyList<string> Paths)> wanted,
        IReadOnlyList<ShardStatus> shards
    )
    {
        ArgumentNullException.ThrowIfNull(wanted);
        ArgumentNullException.ThrowIfNull(shards);
        var known = shards.SelectMany(StatusOf).ToArray();
        var kept = wanted.Select(index =>
        {
            var ofIndex = Array.FindAll(known, status => status.State != IndexState.Dropping && IsOf(status, index));
            var ready = ofIndex.Count(status => status.State == IndexState.Ready);
            var state = ready == shards.Count && ready > 0 ? IndexState.Ready : IndexState.Building;
            return new IndexProgress(
                index.Name,
                index.Paths,
                state,
                ready,
                shards.Count,
                ofIndex.Sum(status => status.Done)
            );
        });
        var gone = known
            .Where(status => !wanted.Any(index => IsOf(status, index)))
            .DistinctBy(status => (status.Name, string.Join(' ', status.Paths)))
            .Select(status => new IndexProgress(status.Name, status.Paths, IndexState.Dropping, 0, shards.Count, 0));
        return [.. kept, .. gone];
    }

    private static bool IsOf(IndexStatus status, (string Name, IReadOnlyList<string> Paths) index) =>
        status.Name == index.Name && status.Paths.SequenceEqual(index.Paths, StringComparer.Ordinal);

    /// <summary>What the leader says; where none is known, nobody.</summary>
    private static IEnumerable<IndexStatus> StatusOf(ShardStatus shard) =>
        shard.Replicas.FirstOrDefault(replica => replica.Role == "leader")?.Indexes ?? [];
}
